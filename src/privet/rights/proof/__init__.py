"""What people are handed: the package of what was gathered, the certificate of what was done."""
