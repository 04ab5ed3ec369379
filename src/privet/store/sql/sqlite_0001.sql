-- What `define` made: the shape of each table, as JSON, so that a store knows its tables when it opens.
CREATE TABLE privet_shapes (
    name TEXT PRIMARY KEY,
    shape BLOB NOT NULL
) STRICT;
