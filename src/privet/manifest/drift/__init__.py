"""Declared against observed: what differs, and the patch that mends it. Migrations tell what will be there."""
