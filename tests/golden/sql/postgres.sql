BEGIN READ ONLY
SELECT c.relname, a.attname, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, a.atttypmod) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped  <- ['"sales"."people"']
SELECT "id", "email", "name", "born", "active" FROM "sales"."people" WHERE "email" IN (%s, %s) OR "id" IN (%s, %s) OR CAST("active" AS text) = %s  <- ['ada@example.com', "it's %s ? :1", 1, 2, 'true']
ROLLBACK
BEGIN READ ONLY
SELECT c.relname, a.attname, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, a.atttypmod) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped  <- ['"sales"."visits"']
SELECT "note", "person", "day" FROM "sales"."visits" WHERE "day" = %s  <- [datetime.date(2020, 2, 29)]
ROLLBACK
BEGIN
DELETE FROM "sales"."visits" WHERE ("person" = %s) AND ("day" = %s)  <- [[1, datetime.date(2020, 2, 29)], [1, datetime.date(2020, 3, 1)]]
UPDATE "sales"."people" SET "email" = NULL, "name" = %s WHERE ("id" IN (%s, %s))  <- ['x', 1, 2]
UPDATE "sales"."people" SET "name" = %s WHERE ("id" = %s)  <- ['y', 3]
DELETE FROM "sales"."people" WHERE ("email" = %s) AND CAST("email" AS text) COLLATE "C" IN (%s)  <- ['bob@example.com', 'bob@example.com']
COMMIT
(close)
