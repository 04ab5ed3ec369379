"""Who may see what for how long: grants, consents, and what stands behind a decision."""
