"""What must outlive us: opaque bytes in tables. Never sees a key or a value."""
