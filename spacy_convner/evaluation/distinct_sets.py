"""Test sets that share a name but not their utterances: two corpora often both have a "test"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tell_apart(systems: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Rename, in place, sets of one name that aren't the same annotated utterances: "test" becomes "test (system)".

    Which they are is told by the hash that ``convner evaluate`` writes; sets without one keep their name.

    RETURNS (dict[str, str]): New name → the one in the files.
    """
    first_of: dict[str, dict[str, str]] = {}
    for system, data in systems.items():
        for name, scores in data["sets"].items():
            if digest := _hash(scores):
                first_of.setdefault(name, {}).setdefault(digest, system)
    renamed: dict[str, str] = {}
    for data in systems.values():
        taken = set(data["sets"])
        sets = {}
        for name, scores in data["sets"].items():
            digest, seen = _hash(scores), first_of.get(name, {})
            new = f"{name} ({seen[digest]})" if digest and len(seen) > 1 else name
            if new in taken and new != name:
                new = name
            if new != name:
                renamed[new] = name
            sets[new] = scores
        data["sets"] = sets
    return renamed


def _hash(scores: Mapping[str, Any]) -> str:
    return str((scores.get("utterance_counts") or {}).get("sha256") or "")
