"""Tags to spans: which scheme a file is in, and what conlleval would make of it.

A chunk begins at B, U, S, or wherever another label or O came before; it ends at L, E, U, S or before a beginning
(conlleval, Tjong Kim Sang). So every scheme is read by one rule, and the scheme decides only what counts as illegal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import DataError
from .annotated import Sentence, Tally

Tag = tuple[str, str]  # prefix, label
BARE = "IO (bare labels)"
IO = "IOB1 or IO"  # without a B- nothing tells them apart
OUT: Tag = ("O", "")
EMPTY = ("", "_", "-", "-X-")
_BILOU, _BIOES = frozenset("LU"), frozenset("ESM")
_PREFIXES = frozenset("BI") | _BILOU | _BIOES
_I_BEGINS = ("IOB1", IO, BARE)
_INSIDE, _LAST = frozenset("IMLE"), frozenset("LEUS")
MENDED = "illegal tag transitions mended as conlleval does"


def split_tag(tag: str) -> Tag | None:
    """RETURNS (tuple[str, str] | None): ("B", "PER") of "B-PER", ("O", "") of "O"; None if it isn't a tag."""
    if tag == "O":
        return OUT
    prefix, dash, label = tag.partition("-")
    return (prefix, label) if dash and label and prefix in _PREFIXES else None


def read_tags(
    sentences: Sequence[Sentence], path: Path, tally: Tally, *, bare: bool = False
) -> list[list[tuple[int, int, str]]]:
    """Spans of every sentence of a file, in tokens, end exclusive.

    bare (bool): Tags are labels without a prefix. RAISES: DataError for a tag that isn't one or two schemes at once.
    """
    tagged = [_split(sentence, path, tally, bare) for sentence in sentences]
    scheme = BARE if bare else detect_scheme(tagged, sentences, path)
    if scheme is not None:
        tally.schemes[scheme] = None
    found = []
    for sentence, tags in zip(sentences, tagged, strict=True):
        spans, illegal = decode(tags, scheme)
        for position in illegal:
            tally.add(MENDED, path, sentence.lines[position])
        found.append(spans)
    return found


def _split(sentence: Sentence, path: Path, tally: Tally, bare: bool) -> list[Tag]:
    tags = []
    for raw, line in zip(sentence.tags, sentence.lines, strict=True):
        if raw in EMPTY:
            tally.add("empty tags read as O", path, line)
            tags.append(OUT)
            continue
        tag = ("I", raw) if bare and raw != "O" else split_tag(raw)
        if tag is None:
            raise DataError(
                f"{raw!r:.60} isn't a tag such as B-PER, I-PER or O",
                path=path,
                line=line,
                field="tag",
                hint="another column holds the tags: --tag-column; they are labels without B- and I-: --bare-tags",
            )
        tags.append(tag)
    return tags


def detect_scheme(tagged: Sequence[Sequence[Tag]], sentences: Sequence[Sentence], path: Path) -> str | None:
    """RETURNS (str | None): "IOB1", "IOB2", "IOB1 or IO", "BILOU" or "BIOES"; None where everything is O.

    RAISES: DataError for BILOU and BIOES in one file.
    """
    first: dict[str, int] = {}
    for sentence, tags in zip(sentences, tagged, strict=True):
        for (prefix, _), line in zip(tags, sentence.lines, strict=True):
            first.setdefault(prefix, line)
    bilou, bioes = _BILOU & first.keys(), _BIOES & first.keys()
    if bilou and bioes:
        one, other = min(bilou, key=first.__getitem__), min(bioes, key=first.__getitem__)
        raise DataError(
            f"two tagging schemes in one file: {one}- is BILOU (line {first[one]}), {other}- is BIOES "
            f"(line {first[other]})",
            path=path,
            line=max(first[one], first[other]),
            field="tag",
        )
    if bilou or bioes:
        return "BILOU" if bilou else "BIOES"
    if "B" not in first:
        return IO if "I" in first else None
    as_iob1 = sum(len(decode(tags, "IOB1")[1]) for tags in tagged)
    as_iob2 = sum(len(decode(tags, "IOB2")[1]) for tags in tagged)
    return "IOB1" if as_iob1 < as_iob2 else "IOB2"


def decode(tags: Iterable[Tag], scheme: str | None) -> tuple[list[tuple[int, int, str]], list[int]]:
    """RETURNS (tuple): Spans (first token, token after the last, label); positions where the scheme was broken."""
    spans: list[tuple[int, int, str]] = []
    illegal: list[int] = []
    strict_end = scheme in ("BILOU", "BIOES")
    start, label, position, before = -1, "", -1, OUT
    for position, (prefix, name) in enumerate(tags):
        inside = start >= 0 and prefix in _INSIDE and name == label
        if not inside:
            if start >= 0:
                spans.append((start, position, label))
                if strict_end:
                    illegal.append(position - 1)
            start, label = (-1, "") if prefix == "O" else (position, name)
            orphan = prefix in _INSIDE and not (prefix == "I" and scheme in _I_BEGINS)
            needless = prefix == "B" and scheme == "IOB1" and before[1] != name
            if orphan or needless:
                illegal.append(position)
        if start >= 0 and prefix in _LAST:
            spans.append((start, position + 1, label))
            start = -1
        before = (prefix, name)
    if start >= 0:
        spans.append((start, position + 1, label))
        if strict_end:
            illegal.append(position)
    return spans, illegal
