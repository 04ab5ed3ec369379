"""Databases that speak SQL: one connector, what differs between them, and the values they hold."""
