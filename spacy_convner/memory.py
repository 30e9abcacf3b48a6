"""How much memory this process has used."""

from __future__ import annotations

import sys


def max_rss_mb() -> float | None:
    """RETURNS (float | None): The most at any time so far, in MiB; None where the system doesn't count it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
