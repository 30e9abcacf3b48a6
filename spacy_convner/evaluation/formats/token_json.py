"""Records of tokens: with a tag each, as data sets on hubs have them, or with spans of tokens, as GLiNER has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...ty import Exemplar
from .annotated import Options, Sentence, Tally, join_tokens
from .schemes import read_tags

_TOKENS = ("tokens", "tokenized_text", "words")
_TAGS = ("ner_tags", "tags", "ner", "labels", "ner_labels", "entities")
_IDS = ("id", "sent_id", "doc_id", "document_id")
_SHAPE = '{"tokens": ["Ann", …], "ner_tags": ["B-PER", …]} or {"tokenized_text": […], "ner": [[first, last, label]]}'


def read_token_json(
    path: Path, values: Iterable[tuple[int, Any]], options: Options, tally: Tally
) -> Iterator[tuple[int, Exemplar]]:
    """YIELDS (tuple[int, Exemplar]): Line, sentence. RAISES: DataError with line and field."""
    sentences: list[Sentence] = []
    spans: list[list[tuple[int, int, str]] | None] = []
    numbers = []
    for number, value in values:
        if not isinstance(value, dict):
            raise DataError(f"expected {_SHAPE}, got {value!r:.60}", path=path, line=number)
        sentence, found = _read(value, path, number, options)
        sentences.append(sentence)
        spans.append(found)
        numbers.append(number)
    tagged = [sentence for sentence, found in zip(sentences, spans, strict=True) if found is None]
    decoded = iter(read_tags(tagged, path, tally, bare=options.bare_tags))
    for number, sentence, found in zip(numbers, sentences, spans, strict=True):
        chosen = next(decoded) if found is None else found
        yield (
            number,
            join_tokens(sentence.tokens, chosen, path=path, line=number, options=options, tally=tally, id=sentence.id),
        )


def _read(
    record: Mapping[str, Any], path: Path, number: int, options: Options
) -> tuple[Sentence, list[tuple[int, int, str]] | None]:
    name = next((key for key in _TOKENS if key in record), None)
    if name is None:
        raise DataError("missing", path=path, line=number, field="tokens", hint=f"expected {_SHAPE}")
    tokens = record[name]
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise DataError(f"expected a list of strings, got {tokens!r:.60}", path=path, line=number, field=name)
    try:
        "".join(tokens).encode("utf8")
    except UnicodeEncodeError as err:
        raise DataError(
            f"lone surrogate {err.object[err.start]!r}, not valid Unicode", path=path, line=number, field=name
        ) from err
    field = next((key for key in _TAGS if isinstance(record.get(key), list)), None)
    if field is None:
        raise DataError(
            "no tags beside the tokens", path=path, line=number, field="ner_tags", hint=f"expected {_SHAPE}"
        )
    given = next((record[key] for key in _IDS if isinstance(record.get(key), str | int)), None)
    sentence = Sentence(tokens, id=None if given is None else str(given))
    tags = record[field]
    if all(isinstance(tag, list | dict) for tag in tags) and (
        tags or name == "tokenized_text" or field in ("ner", "entities")
    ):
        return sentence, [_token_span(tag, len(tokens), path, number, f"{field}[{i}]") for i, tag in enumerate(tags)]
    if len(tags) != len(tokens):
        raise DataError(f"{len(tags)} tags for {len(tokens)} tokens", path=path, line=number, field=field)
    sentence.tags = [_name(tag, options, path, number, f"{field}[{i}]") for i, tag in enumerate(tags)]
    sentence.lines = [number] * len(tokens)
    return sentence, None


def _name(tag: Any, options: Options, path: Path, number: int, field: str) -> str:
    if isinstance(tag, str):
        return tag
    if type(tag) is not int:
        raise DataError(f"expected a tag such as B-PER, got {tag!r:.60}", path=path, line=number, field=field)
    if options.tag_names is None:
        raise DataError(
            f"tags are numbers ({tag}) and nothing says which tags they are",
            path=path,
            line=number,
            field=field,
            hint='give --tag-names FILE: a tag a line, or JSON such as ["O", "B-PER"] or {"O": 0, "B-PER": 1}',
        )
    if tag not in options.tag_names:
        raise DataError(
            f"no name for the tag {tag}",
            path=path,
            line=number,
            field=field,
            hint=f"{len(options.tag_names)} are named",
        )
    return options.tag_names[tag]


def _token_span(value: Any, size: int, path: Path, number: int, field: str) -> tuple[int, int, str]:
    """[first, last, label], last inclusive as in GLiNER; {"start", "end", "type"}, end exclusive as in SpERT."""
    if isinstance(value, dict):
        start, end, label = value.get("start"), value.get("end"), value.get("type", value.get("label"))
        inclusive = 0
    else:
        start, end, label = value if len(value) == 3 else (None, None, None)
        inclusive = 1
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label:
        raise DataError(
            f"expected [first token, last token, label], got {value!r:.80}", path=path, line=number, field=field
        )
    end += inclusive
    if not 0 <= start < end <= size:
        raise DataError(
            f"tokens {start} to {end - 1} are outside the sentence of {size} tokens or none at all",
            path=path,
            line=number,
            field=field,
        )
    return start, end, label
