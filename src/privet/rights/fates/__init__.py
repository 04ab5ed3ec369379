"""What an erasure does with a record: deletes it, overwrites it, keeps it, and by which rule. No I/O."""
