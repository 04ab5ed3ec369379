SET XACT_ABORT ON
SET IMPLICIT_TRANSACTIONS OFF
BEGIN TRANSACTION
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = COALESCE(NULLIF(%s, ''), SCHEMA_NAME()) AND TABLE_NAME = %s  <- ['sales', 'people']
SELECT [id], [email], [name], [born], [active] FROM [sales].[people] WHERE [email] IN (%s, %s) OR [id] IN (%s, %s) OR [active] = %s  <- ['ada@example.com', "it's %s ? :1", 1, 2, 1]
IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION
BEGIN TRANSACTION
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = COALESCE(NULLIF(%s, ''), SCHEMA_NAME()) AND TABLE_NAME = %s  <- ['sales', 'visits']
SELECT [note], [person], [day] FROM [sales].[visits] WHERE [day] = %s  <- [datetime.date(2020, 2, 29)]
IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION
BEGIN TRANSACTION
DELETE FROM [sales].[visits] WHERE ([person] = %s) AND ([day] = %s)  <- [1, datetime.date(2020, 2, 29)]
DELETE FROM [sales].[visits] WHERE ([person] = %s) AND ([day] = %s)  <- [1, datetime.date(2020, 3, 1)]
UPDATE [sales].[people] SET [email] = NULL, [name] = %s WHERE ([id] IN (%s, %s))  <- ['x', 1, 2]
UPDATE [sales].[people] SET [name] = %s WHERE ([id] = %s)  <- ['y', 3]
DELETE FROM [sales].[people] WHERE ([email] = %s) AND [email] COLLATE Latin1_General_100_BIN2 IN (%s)  <- ['bob@example.com', 'bob@example.com']
COMMIT TRANSACTION
(close)
