PRAGMA foreign_keys = ON
PRAGMA secure_delete = ON
PRAGMA trusted_schema = OFF
PRAGMA query_only = ON
BEGIN
SELECT m.name, x.name, x.type FROM sqlite_master m JOIN pragma_table_xinfo(m.name) x WHERE m.type IN ('table', 'view') AND m.name = ? COLLATE NOCASE AND x.hidden <> 1  <- ['people']
SELECT "id", "email", "name", "born", "active" FROM "sales"."people" WHERE "email" IN (?, ?) OR "id" IN (?, ?) OR "active" = ?  <- ['ada@example.com', "it's %s ? :1", 1, 2, 'true']
ROLLBACK
PRAGMA query_only = ON
BEGIN
SELECT m.name, x.name, x.type FROM sqlite_master m JOIN pragma_table_xinfo(m.name) x WHERE m.type IN ('table', 'view') AND m.name = ? COLLATE NOCASE AND x.hidden <> 1  <- ['visits']
SELECT "note", "person", "day" FROM "sales"."visits" WHERE "day" = ?  <- ['2020-02-29']
ROLLBACK
PRAGMA query_only = OFF
BEGIN IMMEDIATE
DELETE FROM "sales"."visits" WHERE ("person" = ?) AND ("day" = ?) AND "day" COLLATE BINARY IN (?)  <- [[1, '2020-02-29', '2020-02-29'], [1, '2020-03-01', '2020-03-01']]
UPDATE "sales"."people" SET "email" = NULL, "name" = ? WHERE ("id" IN (?, ?))  <- ['x', 1, 2]
UPDATE "sales"."people" SET "name" = ? WHERE ("id" = ?)  <- ['y', 3]
DELETE FROM "sales"."people" WHERE ("email" = ?) AND "email" COLLATE BINARY IN (?)  <- ['bob@example.com', 'bob@example.com']
COMMIT
PRAGMA wal_checkpoint(TRUNCATE)
(close)
