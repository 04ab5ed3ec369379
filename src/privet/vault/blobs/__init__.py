"""Contents of files, as sealed chunks."""
