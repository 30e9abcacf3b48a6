"""How much memory this process uses and has used."""

from __future__ import annotations

import sys
from pathlib import Path

_PROC = Path("/proc/self")


def max_rss_mb() -> float | None:
    """RETURNS (float | None): The most at any time so far, in MiB; None where the system doesn't count it.

    On Linux of this program alone: ``ru_maxrss`` also knows the one that started it.
    """
    own = _kib("status", "VmHWM")
    if own is not None:
        return round(own / 1024, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def resident_mb() -> tuple[float, float] | None:
    """RETURNS (tuple[float, float] | None): What is resident now, and what of it is no page of a file, in MiB; Linux.

    Pages of files are shared with other processes that map them, and given back when memory is short.
    """
    # Not "Private": that counts pages of a file until they are written back.
    resident, own = _kib("smaps_rollup", "Rss"), _kib("smaps_rollup", "Anonymous")
    return None if resident is None or own is None else (resident / 1024, own / 1024)


def _kib(file: str, field: str) -> int | None:
    try:
        lines = (_PROC / file).read_text(encoding="utf8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), None)
