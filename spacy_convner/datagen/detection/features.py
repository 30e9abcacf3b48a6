"""The features of an utterance: few, saturating, each with the words that gave it.

They are the signs of conversation of the paper (section 3.1: several clauses, discourse markers, personal pronouns,
contextual references) with politeness, hedges, fillers, feelings and length, and signs of the contrary: a plain
request, a phrase without a verb, names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .lexicon import Entry, Lexicon
from .words import Words, find_capital_names, split_words

# Feature → most it can count. Words of one kind say less the more there are.
COUNTED = {
    "discourse_markers": 2,
    "fillers": 2,
    "hedges": 2,
    "politeness": 2,
    "first_person": 3,
    "second_person": 2,
    "third_person": 2,
    "contextual": 3,
    "connectives": 2,
    "stance": 2,
}
MOST_CLAUSES = 3
LONG = 16  # words, from which on length says no more
SIGNS = {
    **dict.fromkeys(COUNTED, 1),
    "clauses": 1,
    "length": 1,
    "plain_request": -1,
    "no_verb": -1,
    "names": -1,
}
_OPENING = frozenset({"discourse_markers", "fillers", "connectives", "politeness"})  # a clause may begin after them
_IN_OPENER = frozenset({"first_person", "second_person", "third_person", "finite_verbs", "stance", "contextual"})


@dataclass(slots=True)
class Finding:
    """One feature of one utterance: its value, 0 or more, and the words that gave it."""

    value: float = 0.0
    words: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Match:
    list: str
    start: int
    end: int


def find_features(text: str, lexicon: Lexicon, forget: Callable[[], bool] | None = None) -> dict[str, Finding]:
    """Find every feature of ``SIGNS`` in an utterance.

    text (str): One utterance. lexicon (Lexicon): Of its language. forget (Callable | None): Asked about each match but
        openers whether the lists should be taken not to have it (see ``calibration``).
    RETURNS (dict[str, Finding]): In the order of ``SIGNS``.
    """
    words = split_words(text)
    findings = {name: Finding() for name in SIGNS}
    n = len(words)
    if not n:
        return findings
    names = find_capital_names(words)
    matches = _find_matches(words, lexicon, names)
    if forget is not None:
        matches = [match for match in matches if match.list == "openers" or not forget()]
    for name, most in COUNTED.items():
        fired = [words.surface(match.start, match.end) for match in matches if match.list == name]
        findings[name] = Finding(min(len(fired), most), fired)
    openers = [match for match in matches if match.list == "openers"]
    verbs = [match for match in matches if match.list in ("openers", "finite_verbs")]
    clauses = [words.surface(match.start, match.end) for match in verbs]
    findings["clauses"] = Finding(float(min(max(len(clauses) - 1, 0), MOST_CLAUSES)), clauses)
    findings["length"].value = min(n, LONG) / LONG
    if openers and openers[0].start == 0:
        findings["plain_request"] = Finding(1.0, [words.surface(openers[0].start, openers[0].end)])
    findings["no_verb"].value = float(not verbs)
    capital = [words.capital[i] and not words.sentence[i] for i in range(n)]
    named = [i for i in range(n) if names[i] or capital[i] or words.folded[i].isdigit()]
    findings["names"] = Finding(len(named) / n, [words.surface(i, i + 1) for i in named])
    return findings


def _find_matches(words: Words, lexicon: Lexicon, names: list[bool]) -> list[_Match]:
    """RETURNS (list[_Match]): Longest matches of every list, in order. ``names`` is changed: what follows an opener up
    to a name's end is one."""
    matches: list[_Match] = []
    free_from = dict.fromkeys((*COUNTED, "openers", "finite_verbs"), 0)
    starts = set()  # where a clause begins without punctuation
    opener = _Match("openers", -1, -1)
    taken = 0  # up to where an opener's own words say nothing else
    for i in range(len(words)):
        at_start = words.clause[i] or i in starts
        best = _longest_entries(words, lexicon, i, at_start, chained=i == opener.end)
        best = {name: entry for name, entry in best.items() if i >= free_from.get(name, i + 1)}
        first = best.pop("openers", None)
        # Longer words of courtesy or talk begin the same way: "could you possibly", "tell you what".
        if first is not None and all(len(best[name].words) <= len(first.words) for name in _OPENING & best.keys()):
            end = i + len(first.words)
            taken = end - (first.words[-1] == "*")
            _mark_name(words, lexicon, names, i, end)
            if i == opener.end:  # "can you" "tell me"
                opener.end = end
            elif not names[i] or words.sentence[i]:
                opener = _Match("openers", i, end)
                matches.append(opener)
            free_from["openers"] = end
        for name, entry in best.items():
            end = i + len(entry.words)
            if any(names[i:end]) or (i < taken and name in _IN_OPENER):
                continue
            matches.append(_Match(name, i, end))
            free_from[name] = end
            if name in _OPENING:
                starts.add(end)
    return matches


def _longest_entries(words: Words, lexicon: Lexicon, i: int, at_start: bool, chained: bool) -> dict[str, Entry]:
    """RETURNS (dict[str, Entry]): List → its longest entry that fits at ``i``. An opener may follow an opener."""
    best: dict[str, Entry] = {}
    for entry in lexicon.starting(words.folded[i]):
        starts = at_start or (chained and entry.list == "openers")
        if entry.at_start not in (None, starts) or not _fits(entry, words, i, lexicon):
            continue
        if entry.list not in best or len(entry.words) > len(best[entry.list].words):
            best[entry.list] = entry
    return best


def _fits(entry: Entry, words: Words, i: int, lexicon: Lexicon) -> bool:
    n, length = len(words.folded), len(entry.words)
    if i + length > n:
        return False
    for k in range(1, length):
        if words.sentence[i + k] or not lexicon.fits(entry.words[k], words.folded[i + k], entry.list):
            return False
    return not entry.at_end or i + length == n or words.clause[i + length]


def _mark_name(words: Words, lexicon: Lexicon, names: list[bool], begin: int, start: int) -> None:
    """Mark the name that an opener, words ``begin`` to ``start``, is followed by.

    A sentence directly after a verb of playing or reading is a title ("play we don't talk about bruno"), and so is one
    before its maker ("add that's not how this works by …"). What has a capital in the middle of a sentence although it
    is an everyday word begins one ("pon Nosotros", "Pon No me doy por vencido de …").
    """
    for i in range(begin, min(start + 1, len(words))):
        verb = max((len(entry.words) for entry in _entries_at(words, lexicon, i, "title_verbs")), default=0)
        if verb and i + verb >= start:
            start, title = i + verb, True
            break
    else:
        title = False
    stop, made = start, False
    while stop < len(words) and not words.clause[stop]:
        made = stop > start and _has_entry(words, lexicon, stop, "makers")
        if made or (stop > start and _has_entry(words, lexicon, stop, "name_ends")):
            break
        stop += 1
    begins = next((i for i in range(start, stop) if _is_odd_capital(words, lexicon, i)), None)
    if begins is None and title and start < stop and not any(words.capital[start:stop]):
        verbs = [i for i in range(start, stop) if _has_entry(words, lexicon, i, "finite_verbs")]
        described = any(_has_entry(words, lexicon, start, name) for name in ("contextual", "hedges"))  # "that song"
        begins = start if verbs and (verbs[0] == start or (made and not described)) else None
    if begins is not None:
        for i in range(begins, stop):
            names[i] = True


def _is_odd_capital(words: Words, lexicon: Lexicon, i: int) -> bool:
    if not words.capital[i] or words.sentence[i] or words.folded[i].split("'")[0] == "i":
        return False
    return any(_has_entry(words, lexicon, i, name) for name in (*COUNTED, "finite_verbs"))


def _entries_at(words: Words, lexicon: Lexicon, i: int, name: str) -> list[Entry]:
    """RETURNS (list[Entry]): Those of one list that could begin at ``i``, wherever clauses begin."""
    entries = lexicon.starting(words.folded[i])
    return [entry for entry in entries if entry.list == name and _fits(entry, words, i, lexicon)]


def _has_entry(words: Words, lexicon: Lexicon, i: int, name: str) -> bool:
    return bool(_entries_at(words, lexicon, i, name))
