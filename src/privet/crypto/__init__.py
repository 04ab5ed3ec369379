"""Values become safer values. Takes and returns values; only key stores touch the world."""
