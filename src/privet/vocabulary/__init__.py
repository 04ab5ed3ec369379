"""The words that both halves speak. No I/O, no keys, no store."""
