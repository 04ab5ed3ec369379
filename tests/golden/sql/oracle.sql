SET TRANSACTION READ ONLY
SELECT table_name, column_name, data_type FROM all_tab_columns WHERE owner = COALESCE(:1, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')) AND UPPER(table_name) = UPPER(:2)  <- ['sales', 'people']
SELECT "id", "email", "name", "born", "active" FROM "sales"."people" WHERE "email" IN (:1, :2) OR "id" IN (:3, :4)  <- ['ada@example.com', "it's %s ? :1", Decimal('1'), Decimal('2')]
(rollback)
SET TRANSACTION READ ONLY
SELECT table_name, column_name, data_type FROM all_tab_columns WHERE owner = COALESCE(:1, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')) AND UPPER(table_name) = UPPER(:2)  <- ['sales', 'visits']
SELECT "note", "person", "day" FROM "sales"."visits" WHERE "day" = :1  <- [datetime.datetime(2020, 2, 29, 0, 0)]
(rollback)
DELETE FROM "sales"."visits" WHERE ("person" = :1) AND ("day" = :2)  <- [[Decimal('1'), datetime.datetime(2020, 2, 29, 0, 0)], [Decimal('1'), datetime.datetime(2020, 3, 1, 0, 0)]]
UPDATE "sales"."people" SET "email" = NULL, "name" = :1 WHERE ("id" IN (:2, :3))  <- ['x', Decimal('1'), Decimal('2')]
UPDATE "sales"."people" SET "name" = :1 WHERE ("id" = :2)  <- ['y', Decimal('3')]
DELETE FROM "sales"."people" WHERE ("email" = :1)  <- ['bob@example.com']
(commit)
(close)
