"""What is really there: looks at systems, proposes what their fields are. Samples are looked at and never kept."""
