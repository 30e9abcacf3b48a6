"""``convner detect``."""
