"""What people are told of uses of their data, and what they say to it."""
