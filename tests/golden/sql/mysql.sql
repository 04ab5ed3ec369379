START TRANSACTION READ ONLY
SELECT table_name, column_name, column_type FROM information_schema.columns WHERE table_schema = COALESCE(NULLIF(%s, ''), DATABASE()) AND table_name = %s  <- ['sales', 'people']
SELECT `id`, `email`, `name`, `born`, `active` FROM `sales`.`people` WHERE `email` IN (%s, %s) OR `id` IN (%s, %s) OR CAST(`active` AS CHAR) = %s  <- ['ada@example.com', "it's %s ? :1", 1, 2, 'true']
ROLLBACK
START TRANSACTION READ ONLY
SELECT table_name, column_name, column_type FROM information_schema.columns WHERE table_schema = COALESCE(NULLIF(%s, ''), DATABASE()) AND table_name = %s  <- ['sales', 'visits']
SELECT `note`, `person`, `day` FROM `sales`.`visits` WHERE `day` = %s  <- [datetime.date(2020, 2, 29)]
ROLLBACK
START TRANSACTION
DELETE FROM `sales`.`visits` WHERE (`person` = %s) AND (`day` = %s)  <- [1, datetime.date(2020, 2, 29)]
DELETE FROM `sales`.`visits` WHERE (`person` = %s) AND (`day` = %s)  <- [1, datetime.date(2020, 3, 1)]
UPDATE `sales`.`people` SET `email` = NULL, `name` = %s WHERE (`id` IN (%s, %s))  <- ['x', 1, 2]
UPDATE `sales`.`people` SET `name` = %s WHERE (`id` = %s)  <- ['y', 3]
DELETE FROM `sales`.`people` WHERE (`email` = %s) AND CONVERT(`email` USING utf8mb4) COLLATE utf8mb4_bin IN (%s)  <- ['bob@example.com', 'bob@example.com']
COMMIT
(close)
