"""Detect over a file: one utterance at a time, so memory doesn't grow with the file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from ...atomic import atomic_path
from ...errors import ConfigError, DataError
from ...records import parse_utterance, read_jsonl
from ..ty import ConversationDetector, Detection


def detect_file(
    detector: ConversationDetector,
    source: Path,
    output: Path,
    *,
    rest: Path | None = None,
    lang: str | None = None,
    explain: bool = False,
    skipped: Counter[str] | None = None,
    on_utterance: Callable[[], object] | None = None,
) -> dict[str, tuple[int, int]]:
    """Write the conversational utterances of a JSONL file to ``output``, the others to ``rest``; both whole or not at
    all, in the order of the input.

    A record is kept as it is, with ``meta.conversational = {"score": 0..1, "is": bool}`` added, and ``features`` in it
    with ``explain``. lang (str | None): Of records that have none, which then say so.
    skipped (Counter | None): Where given, utterances in a language that the detector doesn't know go to ``rest``
        without ``meta.conversational`` and are counted here; None raises for them.
    RETURNS (dict[str, tuple[int, int]]): Language → (utterances, conversational ones), without those skipped.
    RAISES: DataError naming file, line and field.
    """
    counts: dict[str, list[int]] = {}
    with ExitStack() as stack:
        files: dict[bool, TextIO | None] = {False: None}
        for is_conversation, path in ((True, output), (False, rest)):
            if path is not None:
                temporary = stack.enter_context(atomic_path(path))
                files[is_conversation] = stack.enter_context(temporary.open("w", encoding="utf8", newline="\n"))
        for line, record in read_jsonl(source):
            utterance = parse_utterance(record, path=source, line=line)
            code = utterance.lang or lang
            if on_utterance is not None:
                on_utterance()
            detection = _detect(detector, utterance.text, code, source, line, skip=skipped is not None)
            if detection is None:
                assert skipped is not None
                skipped[str(code)] += 1
                if (others := files[False]) is not None:
                    others.write(json.dumps({**record, "lang": code}, ensure_ascii=False) + "\n")
                continue
            number = counts.setdefault(str(code), [0, 0])
            number[0] += 1
            number[1] += detection.conversational
            file = files[detection.conversational]
            if file is not None:
                found: dict[str, Any] = {"score": round(detection.score, 4), "is": detection.conversational}
                if explain:
                    found["features"] = detection.features
                meta = {**utterance.meta, "conversational": found}
                file.write(json.dumps({**record, "lang": code, "meta": meta}, ensure_ascii=False) + "\n")
    return {code: (total, found) for code, (total, found) in sorted(counts.items())}


def _detect(
    detector: ConversationDetector, text: str, lang: str | None, path: Path, line: int, skip: bool
) -> Detection | None:
    """RETURNS (Detection | None): None with ``skip`` for a language that isn't known."""
    if not lang:
        raise DataError("missing", path=path, line=line, field="lang", hint="write it, or give --lang")
    try:
        return detector(text, lang)
    except ConfigError as err:
        if skip:
            return None
        hint = "or pass over such utterances: --skip-unknown"
        raise DataError(str(err), path=path, line=line, field="lang", hint=hint) from err
