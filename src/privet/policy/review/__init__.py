"""Seeing what a policy does before it does it: explained, compared, tested, suggested. Nothing here reads a file."""
