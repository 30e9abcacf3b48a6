"""``convner cluster``."""
