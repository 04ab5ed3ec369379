"""What people are owed: their requests, carried out over every system and looked at again."""
