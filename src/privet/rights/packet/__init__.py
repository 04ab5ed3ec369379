"""What a person is handed: one encrypted zip of a page to read, the same as JSON and as tables, and their meaning."""
