"""``convner testsets``."""
