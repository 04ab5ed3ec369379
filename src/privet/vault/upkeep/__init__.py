"""What keeps a vault in order: migrations, rotations, sweeps, expiry."""
