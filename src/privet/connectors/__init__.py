"""Other people's systems: what they hold of a person, and how it is read, erased and looked at again."""
