"""What a language's folder holds: a word list a file, and ``weights.json``.

A list has entries apart by commas or line ends; what follows ``#`` is comment. An entry is one or more words, matched
whole, without case and accents. ``*`` stands for letters (``*abamos``), alone for any one word (``i *``). ``^`` before
an entry lets it match only where a clause begins, ``~`` only where none begins, ``$`` after it only where one ends.
``!word`` excepts a word from entries with ``*``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from ...errors import ConfigError, DataError
from .words import fold

LISTS = {
    "openers": "how a plain request or question begins: play, can you, what is",
    "finite_verbs": "signs of a clause: i *, it's, wasn't",
    "connectives": "what joins clauses: because, but, if, ~when",
    "discourse_markers": "well, anyway, by the way",
    "fillers": "um, you know, o sea",
    "hedges": "maybe, i think, or something",
    "politeness": "please, thanks, would you mind",
    "first_person": "the speaker: i, we, my; in Spanish verb forms too",
    "second_person": "the assistant: you, your",
    "third_person": "people and things without their names: she, them, it",
    "contextual": "what only the situation explains: that one, again, last night, the other",
    "stance": "feelings and opinions: love, boring, i'm tired",
    "title_verbs": "what is done with titles: play, watch",
    "name_ends": "what ends a name after an opener: to my, from, on",
    "makers": "what stands between a name and its maker: by",
}
BUILT_IN = files(__package__) / "resources"
_TOKEN = re.compile(r"[^\W_]*(?:'[^\W_]*)*")


class Entry(NamedTuple):
    """One entry of a list: its words; whether it must stand where a clause begins (None: anywhere), where one ends."""

    list: str
    words: tuple[str, ...]
    at_start: bool | None
    at_end: bool


@dataclass(slots=True)
class Lexicon:
    """The word lists of one language, indexed by first word.

    lang (str): Its code. sha256 (str): Of the lists, to tell whether weights were calibrated with them.
    """

    lang: str
    sha256: str
    by_word: dict[str, list[Entry]] = field(default_factory=dict)
    by_pattern: list[tuple[str, Entry]] = field(default_factory=list)
    excepted: dict[str, set[str]] = field(default_factory=dict)
    cache: dict[str, tuple[Entry, ...]] = field(default_factory=dict)

    def add(self, name: str, raw: str) -> None:
        """name (str): Which list. raw (str): An entry as it is written. RAISES: ValueError if it has no form."""
        if raw.startswith("!"):
            self.excepted.setdefault(name, set()).add(fold(raw[1:].strip()))
            return
        words = tuple(fold(word) for word in raw.strip("^~$ ").split())
        for word in words:
            if "**" in word or not _TOKEN.fullmatch(word.strip("*")) or "*" in word.strip("*"):
                raise ValueError(word)
        if not words:
            raise ValueError(raw)
        at_start = {"^": True, "~": False}.get(raw[0])
        entry = Entry(name, words, at_start, raw.endswith("$"))
        if "*" in words[0]:
            self.by_pattern.append((words[0], entry))
        else:
            self.by_word.setdefault(words[0], []).append(entry)

    def starting(self, word: str) -> tuple[Entry, ...]:
        """word (str): Folded. RETURNS (tuple[Entry]): Entries whose first word it may be."""
        found = self.cache.get(word)
        if found is None:
            found = (
                *self.by_word.get(word, ()),
                *(entry for pattern, entry in self.by_pattern if self.fits(pattern, word, entry.list)),
            )
            if len(self.cache) < 1 << 16:
                self.cache[word] = found
        return found

    def fits(self, pattern: str, word: str, name: str) -> bool:
        """RETURNS (bool): Whether a word of an entry of list ``name`` stands for ``word``."""
        if "*" not in pattern:
            return pattern == word
        bare = pattern.strip("*")
        if not bare:
            return True
        if word in self.excepted.get(name, ()) or len(word) <= len(bare):
            return False
        if pattern[0] == "*" and pattern[-1] == "*":
            return bare in word
        return word.endswith(bare) if pattern[0] == "*" else word.startswith(bare)


def list_languages(resources: Path | None = None) -> list[str]:
    """resources (Path | None): The user's folder of language folders. RETURNS (list[str]): Codes, built-in ones too."""
    places: list[Traversable] = [BUILT_IN, *([resources] if resources is not None else [])]
    return sorted({folder.name for place in places if place.is_dir() for folder in place.iterdir() if folder.is_dir()})


def find_folder(lang: str, resources: Path | None = None) -> Traversable:
    """lang (str): A language code; "es-MX" falls back to "es". The user's folder goes before the built-in one.

    RAISES: ConfigError naming the languages there are and what a folder needs.
    """
    known = list_languages(resources)
    code = lang if lang in known else re.split("[-_]", lang)[0].lower()
    if code in known:
        own = resources / code if resources is not None else None
        return own if own is not None and own.is_dir() else BUILT_IN / code
    raise ConfigError(
        f"no word lists for language {lang!r}; there are: {', '.join(known)}. To add it, make a folder named "
        f"{code or 'of its code'} in --resources DIR with {', '.join(f'{name}.txt' for name in LISTS)} (see the "
        f"built-in ones: {BUILT_IN}), then run: convner detector calibrate"
    )


def read_lexicon(lang: str, resources: Path | None = None) -> Lexicon:
    """RETURNS (Lexicon): The lists of a language. RAISES: ConfigError or DataError naming file and line."""
    folder = find_folder(lang, resources)
    digest = hashlib.sha256()
    texts = {}
    missing = [f"{name}.txt" for name in LISTS if not (folder / f"{name}.txt").is_file()]
    if missing:
        raise DataError(
            f"missing: {', '.join(missing)}",
            path=str(folder),
            hint="a list may have nothing but a comment",
        )
    for name in LISTS:
        texts[name] = read_resource(folder / f"{name}.txt")
        digest.update(f"{name}\n{texts[name]}\n".encode())
    lexicon = Lexicon(folder.name, digest.hexdigest())
    for name, text in texts.items():
        for line, raw in _entries(text):
            try:
                lexicon.add(name, raw)
            except ValueError as err:
                raise DataError(
                    f"{raw!r:.80} is no entry, at {err}",
                    path=str(folder / f"{name}.txt"),
                    line=line,
                    hint="words and spaces; * at the start or end of a word; ^ or ~ before, $ after the entry",
                ) from None
    return lexicon


def _entries(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        for raw in line.split("#")[0].split(","):
            if raw.strip():
                yield number, raw.strip()


def read_resource(path: Traversable) -> str:
    """RETURNS (str): A file of a language's folder. RAISES: DataError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise DataError(f"can't be read: {err}", path=str(path)) from err
