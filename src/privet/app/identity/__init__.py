"""Who is asking: people and services, and what they prove it by."""
