"""Questions in SQL: read, cleared, planned, asked and judged."""
