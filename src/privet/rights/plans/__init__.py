"""What is hers and in which order it is read and erased. No I/O: callers bring datasets and records."""
