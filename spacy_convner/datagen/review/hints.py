"""What a reviewer may overlook in a pattern; it blocks nothing."""

from __future__ import annotations

import re

_ARTICLES = {"en": "an?|the", "es": "el|la|los|las|un|una"}


def name_hints(text: str, lang: str) -> str:
    """RETURNS (str): Words at placeholders that many names don't go with, "" for none or another language."""
    language = lang.split("-")[0]
    if language not in _ARTICLES:
        return ""
    found = [
        f"an article before <{label}>"
        for label in re.findall(rf"\b(?:{_ARTICLES[language]})\s+<([^<>]+)>", text, re.IGNORECASE)
    ]
    if language == "en":
        found += [f"'s after <{label}>" for label in re.findall(r"<([^<>]+)>['’]s\b", text, re.IGNORECASE)]
    return ", ".join(dict.fromkeys(found)) + ": most names must fit" if found else ""
