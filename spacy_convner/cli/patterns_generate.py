"""``convner patterns generate`` and ``validate``."""
