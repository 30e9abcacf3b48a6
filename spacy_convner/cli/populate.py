"""``convner patterns populate``."""
