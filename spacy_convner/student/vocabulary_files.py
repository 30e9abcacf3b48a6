"""A sentencepiece tokenizer's files with fewer pieces in them: the same scores, the same rules, other ids."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError

_NORMAL = 1  # of sentencepiece's ModelProto.SentencePiece.Type
_JSON = "tokenizer.json"


def check_unigram(tokenizer: Any, where: str) -> None:
    """RAISES: ConfigError unless it is a fast unigram tokenizer made of a sentencepiece model, as XLM-R's is."""
    kind = _backend(tokenizer)["model"]["type"] if getattr(tokenizer, "is_fast", False) else "slow"
    if kind != "Unigram" or not Path(getattr(tokenizer, "vocab_file", None) or "").is_file():
        raise ConfigError(f"{where}: only a sentencepiece unigram vocabulary (XLM-R's) can be trimmed, not {kind}")


def needed_ids(tokenizer: Any, counts: Mapping[int, int], min_count: int) -> list[int]:
    """Which pieces stay: those that are used, and all that any other text can be written with.

    tokenizer (Any): Fast. counts (Mapping[int, int]): How often each id is used. min_count (int): Seldomer ones go.
    RETURNS (list[int]): Ids, ascending: special tokens, single characters (alone or at the start of a word), the used.
    """
    backend = _backend(tokenizer)
    special = {token["id"] for token in backend["added_tokens"]} | {backend["model"]["unk_id"]}
    short = {i for i, (piece, _) in enumerate(backend["model"]["vocab"]) if len(piece.lstrip("▁")) <= 1}
    return sorted(special | short | {i for i, count in counts.items() if count >= min_count})


def write_tokenizer(tokenizer: Any, kept: Sequence[int], folder: Path) -> None:
    """Write the files of a tokenizer with only the pieces ``kept``, whose ids are their places in it.

    tokenizer (Any): Fast, with its sentencepiece model. kept (Sequence[int]): Ids, ascending. folder (Path): Is there.
    """
    new = {old: place for place, old in enumerate(kept)}
    tokenizer.save_pretrained(str(folder))
    backend = _backend(tokenizer)
    pieces = backend["model"]["vocab"]
    (folder / _JSON).write_text(json.dumps(_renumbered(backend, new), ensure_ascii=False), encoding="utf8")
    for name in ("tokenizer_config.json", "added_tokens.json"):
        if (folder / name).is_file():
            settings = json.loads((folder / name).read_text(encoding="utf8"))
            if name == "added_tokens.json":
                settings = {piece: new[i] for piece, i in settings.items()}
            else:
                decoder = settings.get("added_tokens_decoder", {})
                settings["added_tokens_decoder"] = {str(new[int(i)]): token for i, token in decoder.items()}
            (folder / name).write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf8")
    staying = {pieces[i][0] for i in kept if i < len(pieces)}
    target = folder / tokenizer.vocab_files_names["vocab_file"]
    target.write_bytes(_trim_sentencepiece(Path(tokenizer.vocab_file).read_bytes(), staying))


def _trim_sentencepiece(data: bytes, staying: set[str]) -> bytes:
    from sentencepiece import sentencepiece_model_pb2

    proto: Any = sentencepiece_model_pb2
    model = proto.ModelProto.FromString(data)
    pieces = [piece for piece in model.pieces if piece.type != _NORMAL or piece.piece in staying]
    del model.pieces[:]
    model.pieces.extend(pieces)
    model.trainer_spec.vocab_size = len(pieces)
    return bytes(model.SerializeToString())


def _backend(tokenizer: Any) -> Any:
    return json.loads(tokenizer.backend_tokenizer.to_str())


def _renumbered(backend: dict[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    model = backend["model"]
    kept = [piece for i, piece in enumerate(model["vocab"]) if i in new]
    processor = backend.get("post_processor") or {}
    for token in processor.get("special_tokens", {}).values():  # TemplateProcessing
        token["ids"] = [new[i] for i in token["ids"]]
    for key in ("sep", "cls"):  # RobertaProcessing
        if isinstance(processor.get(key), list):
            processor[key] = [processor[key][0], new[processor[key][1]]]
    padding = backend.get("padding")
    if padding:
        padding["pad_id"] = new[padding["pad_id"]]
    return {
        **backend,
        "model": {**model, "vocab": kept, "unk_id": new[model["unk_id"]]},
        "added_tokens": [{**token, "id": new[token["id"]]} for token in backend["added_tokens"]],
        "post_processor": processor or None,
    }
