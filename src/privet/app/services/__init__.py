"""What Privet does, one noun a file: plain functions and their VERBS table."""
