"""The shelf of root key providers: one file each."""
