"""Characters to tokens, for one Doc."""

from __future__ import annotations

from bisect import bisect_right

from spacy.tokens import Doc


class TokenBounds:
    """doc (Doc): Any. text (str): Its text.

    ``starts`` are the tokens' first characters.
    """

    def __init__(self, doc: Doc, text: str) -> None:
        self.text = text
        self._doc = doc
        self.starts = [token.idx for token in doc]

    def by_start(self) -> dict[int, int]:
        """RETURNS (dict[int, int]): Number of the token that starts at a character; of tokens for the text's end."""
        numbers = {start: number for number, start in enumerate(self.starts)}
        numbers[len(self.text)] = len(self.starts)
        return numbers

    def span(self, start: int, end: int, name_end: int) -> tuple[int, int] | None:
        """Find the tokens of a name, with its ending where that is no token of its own.

        start, end (int): Characters of the words. name_end (int): Where a possessive or plural ending starts, or end.
        RETURNS (tuple[int, int] | None): First token, last token + 1; None if letters of other words are in them.
        """
        starts, text = self.starts, self.text
        first = bisect_right(starts, start) - 1
        if starts[first] != start and any(char.isalnum() for char in text[starts[first] : start]):
            return None
        last = bisect_right(starts, name_end - 1) - 1
        if name_end == len(text) or text[name_end] == " " or (last + 1 < len(starts) and starts[last + 1] == name_end):
            return first, last + 1
        token_end = starts[last] + len(self._doc[last])
        if token_end < end:
            return None
        return None if any(char.isalnum() for char in text[end:token_end]) else (first, last + 1)
