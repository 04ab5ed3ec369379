BEGIN TRANSACTION READ ONLY
SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = coalesce(nullif(?, ''), current_schema()) AND lower(table_name) = lower(?)  <- ['sales', 'people']
SELECT "id", "email", "name", "born", "active" FROM "sales"."people" WHERE "email" IN (?, ?) OR "id" IN (?, ?) OR CAST("active" AS VARCHAR) = ?  <- ['ada@example.com', "it's %s ? :1", 1, 2, 'true']
ROLLBACK
BEGIN TRANSACTION READ ONLY
SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() AND schema_name = coalesce(nullif(?, ''), current_schema()) AND lower(table_name) = lower(?)  <- ['sales', 'visits']
SELECT "note", "person", "day" FROM "sales"."visits" WHERE "day" = ?  <- [datetime.date(2020, 2, 29)]
ROLLBACK
BEGIN TRANSACTION
DELETE FROM "sales"."visits" WHERE ("person" = ?) AND ("day" = ?)  <- [1, datetime.date(2020, 2, 29)]
DELETE FROM "sales"."visits" WHERE ("person" = ?) AND ("day" = ?)  <- [1, datetime.date(2020, 3, 1)]
COMMIT
BEGIN TRANSACTION
UPDATE "sales"."people" SET "email" = NULL, "name" = ? WHERE ("id" IN (?, ?))  <- ['x', 1, 2]
UPDATE "sales"."people" SET "name" = ? WHERE ("id" = ?)  <- ['y', 3]
DELETE FROM "sales"."people" WHERE ("email" = ?)  <- ['bob@example.com']
COMMIT
(close)
