"""The HTTP door: guard, routes from VERBS, problems."""
