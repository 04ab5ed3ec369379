"""What a team declares of its data in files, read, checked, compared with what is there, and shown as a map.

Rooms: `check/` (rules, promises, lint), `drift/` (declared against observed, migrations, patches), `atlas/` (the data
map, lineage, what depends on a field). Shelves: `readers/` (annotations in code become datasets), `exports/` (forms of
the data map), `reports/` (forms of findings). Nothing here opens a socket, a database or the user's code.
"""
