"""What a team declares of its data in files, read, checked, compared with what is there, and shown as a map.

Rooms: `check/` (rules, promises, lint), `drift/` (declared against observed, patches), `atlas/` (the data map, lineage,
what depends on a field), `source/` (what code and SQL say). Shelves: `readers/` (annotations in code become datasets),
`migrations/` (what databases will be), `exports/` (forms of the data map), `reports/` (forms of findings). Nothing here
opens a socket or a database, or runs the user's code.
"""
