"""What training must not have seen of a test set: names, in whatever spelling, and forms of utterances."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import ConfigError, DataError
from .records import check_no_overlap, number_exemplars, open_lines, parse_annotated, read_jsonl, without_accents
from .ty import Exemplar

LONGEST_NAME = 16  # words: a longer name isn't looked for inside texts
# What populating a pattern may put in front of an utterance, or change before a name. No filler begins another.
FILLERS = {
    "en": ("um", "uh", "so", "okay so", "well", "hmm"),
    "es": ("eh", "pues", "este", "a ver", "bueno", "mmm"),
}
ARTICLES = {"en": ("the", "a", "an"), "es": ("el", "la", "los", "las", "un", "una")}
_OPENINGS = tuple(tuple(filler.split()) for fillers in FILLERS.values() for filler in fillers)
_BEFORE_NAMES = frozenset(article for articles in ARTICLES.values() for article in articles)
_AND = frozenset({"and", "y"})
_INSIDE_NUMBERS = _AND | {"oh"}
# The words of 0 to 9999, folded.
_NUMBER_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand cero uno dos tres cuatro
    cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve veinte
    veintiuno veintidos veintitres veinticuatro veinticinco veintiseis veintisiete veintiocho veintinueve treinta
    cuarenta cincuenta sesenta setenta ochenta noventa cien ciento doscientos trescientos cuatrocientos quinientos
    seiscientos setecientos ochocientos novecientos mil
"""
_NUMBERS = frozenset(_NUMBER_WORDS.split())
INITIALISM = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_APOSTROPHES = re.compile("['’‘`´ʼ′]")
_POSSESSIVE = re.compile(r"['’‘`´ʼ′]s\b", re.IGNORECASE)
_MARKS = re.compile(r"[\W_]+")
_NAME_FILES = 'names are lines of a .txt, "spans" of a .jsonl or .spacy, or "text" and "label" of catalog records'
_PLACEHOLDER = re.compile(r"<([A-Za-z][A-Za-z0-9_.\-]*)(?::[0-9]{1,3})?>")


def fold_name(text: str) -> str:
    """RETURNS (str): Words without case, accents, apostrophes and punctuation, one space between.

    A name of marks alone ("!!!") is only case-folded: it must not be equal to all others of that kind.
    """
    return " ".join(_words(text)) or " ".join(text.casefold().split())


def read_names(sources: Path | str | Sequence[Path | str]) -> set[str]:
    """Read names to keep away from: what every ``exclude`` and ``--exclude-entities`` takes.

    sources: Files: ``.txt`` with a name a line; JSONL or DocBin whose annotated spans are the names; or JSONL of
        catalog records, whose names and aliases are.
    RETURNS (set[str]): Folded, see ``fold_name``.
    RAISES: DataError, also for a file without a name; ConfigError for an empty path.
    """
    names: set[str] = set()
    for source in [sources] if isinstance(sources, str | Path) else sources:
        if not str(source).strip() or str(source) == ".":
            raise ConfigError(f"expected the path of a file with names, got {str(source)!r}")
        path = Path(source)
        found = {fold_name(name) for name in _names_in(path)}
        if not found:
            raise DataError("there is no name in the file", path=path, hint=_NAME_FILES)
        names |= found
    return names


def _names_in(path: Path) -> Iterator[str]:
    if path.suffix == ".txt":
        yield from (line for _, line in open_lines(path) if line.strip())
    elif path.suffix == ".spacy":
        yield from (e.text[span.start : span.end] for _, e in number_exemplars(path) for span in e.spans)
    else:
        for line, record in read_jsonl(path):
            if "spans" not in record and "label" in record:
                yield from _names_of_record(record, path, line)
                continue
            if "spans" not in record:
                raise DataError("neither annotated nor a catalog record", path=path, line=line, hint=_NAME_FILES)
            exemplar = parse_annotated(record, path=path, line=line)
            check_no_overlap(exemplar, path=path, line=line)
            yield from (exemplar.text[span.start : span.end] for span in exemplar.spans)


def _names_of_record(record: Mapping[str, Any], path: Path, line: int) -> list[str]:
    aliases = record.get("aliases") or []
    aliases = aliases.split("|") if isinstance(aliases, str) else aliases
    for field, values in (("text", [record.get("text")]), ("aliases", aliases)):
        if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
            raise DataError(f"expected a name, got {record.get(field)!r:.60}", path=path, line=line, field=field)
    return [record["text"], *aliases]


class NamesInTexts:
    """Finds names in texts, annotated or not.

    names (Collection[str]): Folded, see ``fold_name``.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(name for name in names if name)
        self._first: dict[str, int] = {}
        for name in self._names:
            words = name.split(" ")
            if len(words) <= LONGEST_NAME:
                self._first[words[0]] = max(self._first.get(words[0], 0), len(words))

    def find(self, text: str) -> Counter[str]:
        """RETURNS (Counter[str]): Folded name → how often it stands in the text as whole words; ``'s`` may follow."""
        found = self._find(_words(text))
        if _POSSESSIVE.search(text):
            # "adele's" is also "adele", and "mcdonald's" still "mcdonalds".
            found |= self._find(_words(_POSSESSIVE.sub("", text)))
        return found

    def _find(self, words: list[str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for start, word in enumerate(words):
            for length in range(1, min(self._first.get(word, 0), len(words) - start) + 1):
                name = " ".join(words[start : start + length])
                if name in self._names:
                    found[name] += 1
        return found


def has_name(exemplar: Exemplar, names: Collection[str]) -> bool:
    """names (Collection[str]): Folded. RETURNS (bool): Whether the exemplar is annotated with one of them."""
    return any(fold_name(exemplar.text[span.start : span.end]) in names for span in exemplar.spans)


def form_of(exemplar: Exemplar) -> str:
    """What two utterances share that differ in their names, and in how populating a pattern may write the rest.

    RETURNS (str): As ``literal_form``, without fillers in front and articles before names; "&" is "and" and "y",
        "#" any number in digits or words, and initialisms have no dots.
    """
    return _common(_pieces_of(exemplar, spoken=True))


def form_of_pattern(text: str) -> str:
    """text (str): With ``<Label>`` placeholders. RETURNS (str): The form (see ``form_of``) that its utterances have."""
    return _common(_pieces_of_pattern(text, spoken=True))


def literal_form(exemplar: Exemplar) -> str:
    """RETURNS (str): The utterance folded, with its label in place of each name: ``so play the <song> by <artist>``."""
    return " ".join(_pieces_of(exemplar))


def literal_form_of_pattern(text: str) -> str:
    """text (str): With ``<Label>`` placeholders. RETURNS (str): As ``literal_form``."""
    return " ".join(_pieces_of_pattern(text))


def forms_of_patterns(texts: Iterable[str]) -> set[str]:
    """RETURNS (set[str]): Forms of patterns; those without a placeholder have none."""
    return {form_of_pattern(text) for text in texts if _PLACEHOLDER.search(text)}


def _pieces_of(exemplar: Exemplar, spoken: bool = False) -> list[str]:
    labels: dict[tuple[int, int], list[str]] = {}
    for span in exemplar.spans:
        labels.setdefault((span.start, span.end), []).append(span.label)
    names = [(start, stop, "|".join(sorted(found))) for (start, stop), found in sorted(labels.items())]
    return _pieces(exemplar.text, names, spoken)


def _pieces_of_pattern(text: str, spoken: bool = False) -> list[str]:
    return _pieces(text, [(tag.start(), tag.end(), tag[1]) for tag in _PLACEHOLDER.finditer(text)], spoken)


def _pieces(text: str, names: Iterable[tuple[int, int, str]], spoken: bool) -> list[str]:
    def words(piece: str) -> list[str]:
        if spoken:
            piece = INITIALISM.sub(lambda found: found[0].replace(".", ""), piece).replace("&", " and ")
        return _words(piece)

    pieces, end = [], 0
    for start, stop, label in names:
        pieces += [*words(text[end:start]), f"<{label.casefold()}>"]
        end = stop
    return pieces + words(text[end:])


def _common(words: list[str]) -> str:
    while opening := next((opening for opening in _OPENINGS if tuple(words[: len(opening)]) == opening), None):
        words = words[len(opening) :]
    common: list[str] = []
    for i, word in enumerate(words):
        if word.startswith("<"):
            while common and common[-1] in _BEFORE_NAMES:
                common.pop()
            common.append(word)
        elif _is_number(word):
            if common[-1:] != ["#"]:
                common.append("#")
        elif word in _INSIDE_NUMBERS and common[-1:] == ["#"] and i + 1 < len(words) and _is_number(words[i + 1]):
            continue  # one hundred and five; nineteen oh five; treinta y uno
        else:
            common.append("&" if word in _AND else word)
    return " ".join(common)


def _is_number(word: str) -> bool:
    return word.removesuffix("s").isdecimal() or word in _NUMBERS or word.removesuffix("s") in _NUMBERS


def _words(text: str) -> list[str]:
    folded = _APOSTROPHES.sub("", text.casefold())
    if not folded.isascii():
        folded = without_accents(folded).casefold()
    return _MARKS.sub(" ", folded).split()
