"""``convner patterns review``, ``agreement``, ``merge``, ``export`` and ``import``."""
