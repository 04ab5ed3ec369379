BEGIN READ ONLY
SELECT c.relname, a.attname, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, a.atttypmod) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped  <- ['"sales"."people"']
SELECT "id", "email", "name", "born", "active" FROM "sales"."people" WHERE "email" IN ($1, $2) OR "id" IN ($3, $4) OR CAST("active" AS text) = $5  <- ['ada@example.com', "it's %s ? :1", 1, 2, 'true']
ROLLBACK
BEGIN READ ONLY
SELECT c.relname, a.attname, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, a.atttypmod) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped  <- ['"sales"."visits"']
SELECT "note", "person", "day" FROM "sales"."visits" WHERE "day" = $1  <- [datetime.date(2020, 2, 29)]
ROLLBACK
BEGIN
DELETE FROM "sales"."visits" WHERE ("person" = $1) AND ("day" = $2)  <- [[1, datetime.date(2020, 2, 29)], [1, datetime.date(2020, 3, 1)]]
UPDATE "sales"."people" SET "email" = NULL, "name" = $1 WHERE ("id" IN ($2, $3))  <- ['x', 1, 2]
UPDATE "sales"."people" SET "name" = $1 WHERE ("id" = $2)  <- ['y', 3]
DELETE FROM "sales"."people" WHERE ("email" = $1) AND CAST("email" AS text) COLLATE "C" IN ($2)  <- ['bob@example.com', 'bob@example.com']
COMMIT
(close)
