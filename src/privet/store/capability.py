"""What an engine can do, by name. Callers choose a path by capability, never by an engine's name."""

DURABLE = "durable"  # a write that returned survives a crash of the machine
ATOMIC_CROSS_SHARD = "atomic_cross_shard"  # a unit may touch rows of any tables and keys
ONLINE_BACKUP = "online_backup"  # `backup` works while writes go on
ADD_COLUMN_IN_PLACE = "add_column_in_place"  # a new column costs no rewrite of rows
