BEGIN
SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = COALESCE(NULLIF(?, ''), CURRENT_SCHEMA()) AND UPPER(table_name) = UPPER(?)  <- ['sales', 'people']
SELECT "id", "email", "name", "born", "active" FROM "sales"."people" WHERE "email" IN (?, ?) OR "id" IN (?, ?)  <- ['ada@example.com', "it's %s ? :1", Decimal('1'), Decimal('2')]
ROLLBACK
BEGIN
SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = COALESCE(NULLIF(?, ''), CURRENT_SCHEMA()) AND UPPER(table_name) = UPPER(?)  <- ['sales', 'visits']
SELECT "note", "person", "day" FROM "sales"."visits" WHERE "day" = ?  <- [datetime.date(2020, 2, 29)]
ROLLBACK
BEGIN
DELETE FROM "sales"."visits" WHERE ("person" = ?) AND ("day" = ?)  <- [Decimal('1'), datetime.date(2020, 2, 29)]
DELETE FROM "sales"."visits" WHERE ("person" = ?) AND ("day" = ?)  <- [Decimal('1'), datetime.date(2020, 3, 1)]
UPDATE "sales"."people" SET "email" = NULL, "name" = ? WHERE ("id" IN (?, ?))  <- ['x', Decimal('1'), Decimal('2')]
UPDATE "sales"."people" SET "name" = ? WHERE ("id" = ?)  <- ['y', Decimal('3')]
DELETE FROM "sales"."people" WHERE ("email" = ?)  <- ['bob@example.com']
COMMIT
(close)
