"""Personal data kept in one encrypted vault, tokens for everyone else."""

__version__ = "0.1.0"
