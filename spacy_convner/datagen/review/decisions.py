"""What a person can decide about a pattern, as plain functions on values."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, get_args

from ...errors import ConfigError, DataError
from ..placeholders import find_placeholders
from ..ty import USABLE, Pattern

Action = Literal["accept", "edit", "reject"]
ACTIONS: tuple[str, ...] = get_args(Action)
VALIDATE = "validate"  # reviewer of the automatic checks
_AUTOMATIC = frozenset({VALIDATE, "generate"})  # reviewers that are no people
REASONS = ("unnatural", "wrong label", "too generic", "a command", "duplicate", "wrong language")


def utc_now() -> str:
    """RETURNS (str): ISO 8601, fine enough that two decisions have an order."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def is_invalid(pattern: Pattern) -> bool:
    """RETURNS (bool): Whether a generator or the automatic checks rejected it, and no person did."""
    return pattern.status == "rejected" and pattern.reviewer in _AUTOMATIC


def is_decided(pattern: Pattern) -> bool:
    """RETURNS (bool): Whether a person decided."""
    return pattern.status != "proposed" and not is_invalid(pattern)


def is_kept(pattern: Pattern) -> bool:
    """RETURNS (bool): Whether it will be populated."""
    return pattern.status in USABLE


def check_text(text: str, labels: Collection[str] = ()) -> str:
    """Check what a person wrote as a pattern.

    text (str): With placeholders. labels (Collection[str]): Known labels; an empty one knows all.
    RETURNS (str): On one line, single spaces. RAISES: DataError for brackets, an unknown label, or no placeholder.
    """
    text = " ".join(text.split())
    if not text:
        raise DataError("the pattern is empty")
    _check_unicode(text)
    placeholders = find_placeholders(text)
    if not placeholders:
        raise DataError("no placeholder", hint="write <Label> where a name goes")
    for placeholder in placeholders:
        if labels and placeholder.label not in labels:
            near = difflib.get_close_matches(placeholder.label, labels, n=1, cutoff=0.5)
            hint = f"did you mean <{near[0]}>?" if near else "known labels: " + ", ".join(sorted(labels))
            raise DataError(f"unknown label <{placeholder.label}>", hint=hint)
    return text


def decide(
    pattern: Pattern,
    action: str,
    *,
    text: str | None = None,
    reason: str = "",
    reviewer: str = "",
    decided_at: str = "",
    labels: Collection[str] = (),
) -> Pattern:
    """Apply a decision.

    pattern (Pattern): In any state. action (str): One of ``ACTIONS``. text (str | None): The new text, of an edit.
    reason (str): Why, of a rejection. labels (Collection[str]): Known labels, see ``check_text``.
    RETURNS (Pattern): "edited" with its ``original`` as long as the text differs from what was proposed.
    RAISES: DataError if it can't be kept like this; ConfigError for an unknown action or a reviewer who is no person.
    """
    if reviewer in _AUTOMATIC:
        raise ConfigError(f"reviewer {reviewer!r} stands for the automatic checks; take another --reviewer")
    if action not in ACTIONS:
        raise ConfigError(f"unknown action {action!r:.40}, expected one of {', '.join(ACTIONS)}")
    _check_unicode(reason + reviewer)
    proposed = pattern.original or pattern.text
    if action == "reject":
        changes = {"status": "rejected", "reason": " ".join(reason.split())}
    else:
        if action == "edit" and text is None:
            raise DataError("an edit needs the new text")
        # Accepted as it stands: what was proposed keeps its white space, and so its id.
        kept = check_text(pattern.text if text is None or action == "accept" else text, labels)
        if kept == " ".join(proposed.split()):
            changes = {"status": "accepted", "text": proposed, "original": "", "reason": ""}
        else:
            changes = {"status": "edited", "text": kept, "original": proposed, "reason": ""}
    return replace(pattern, **changes, reviewer=reviewer, decided_at=decided_at or utc_now())  # type: ignore[arg-type]


def propose_again(pattern: Pattern) -> Pattern:
    """RETURNS (Pattern): As it was before anybody decided."""
    text = pattern.original or pattern.text
    return replace(pattern, text=text, status="proposed", original="", reason="", reviewer="", decided_at="")


def _check_unicode(text: str) -> None:
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        raise DataError("lone surrogate, not valid Unicode") from None
