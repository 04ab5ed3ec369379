"""The data map: what is held where, for what, about whom; what comes from where; what depends on a field."""
