"""Run time: the personal data we hold."""
