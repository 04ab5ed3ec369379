"""The audit: entries, their Merkle tree, what it proves."""
