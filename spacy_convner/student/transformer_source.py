"""Is the transformer that a config names there, and complete, before anybody waits for it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError, MissingExtraError

OPTION = "--paths.transformer"
# The file that spacy-transformers copies into the pipeline; a fast tokenizer's tokenizer.json doesn't replace it.
_SENTENCEPIECE = {
    "xlm-roberta": "sentencepiece.bpe.model",
    "camembert": "sentencepiece.bpe.model",
    "deberta-v2": "spm.model",
    "albert": "spiece.model",
}
_WEIGHTS = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json")
_REACH_S = 10.0


@dataclass(frozen=True, slots=True)
class TransformerBlock:
    """What a config says about its transformer: component, hub name or folder, half precision or not."""

    component: str
    name: str
    mixed_precision: bool


def find_transformers(config: Mapping[str, Any]) -> list[TransformerBlock]:
    """config (Mapping): Interpolated. RETURNS (list[TransformerBlock]): One for each that is read from outside."""
    found = []
    for component in config["nlp"]["pipeline"]:
        model = config["components"].get(component, {}).get("model", {})
        blocks = [model, model.get("tok2vec", {})] if isinstance(model, Mapping) else []
        for block in blocks:
            architecture = block.get("@architectures", "") if isinstance(block, Mapping) else ""
            if architecture.startswith("spacy-transformers.") and "name" in block:
                found.append(TransformerBlock(component, str(block["name"]), bool(block.get("mixed_precision", False))))
    return found


def check_transformer(name: str) -> int | None:
    """name (str): Folder, or name on the model hub.

    RETURNS (int | None): Its parameters; None where that can't be told without loading it.
    RAISES: MissingExtraError without spacy-transformers; DataError for a folder that lacks something or a hub that
        can't be reached; ConfigError for a name that can be neither.
    """
    if find_spec("spacy_transformers") is None:
        raise MissingExtraError("A transformer student", "spacy-transformers", "transformers")
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _check_folder(folder)
    if folder.exists():
        raise DataError("is a file, a folder was expected", path=name, hint=f"give the folder: {OPTION} FOLDER")
    # "models/xlmr" may be a name on the hub too; where the folder above it is here, a path was meant.
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or ("/" in name and folder.parent.is_dir()):
        raise DataError("no such transformer folder", path=name, hint=f"give another: {OPTION} FOLDER")
    _check_hub(name)
    return None


def _check_folder(folder: Path) -> int | None:
    config = folder / "config.json"
    if not config.is_file():
        raise DataError(
            "no config.json in the transformer folder",
            path=folder,
            hint="a folder as save_pretrained writes it is expected: model and tokenizer",
        )
    try:
        kind = json.loads(config.read_text(encoding="utf8")).get("model_type", "")
    except (ValueError, AttributeError) as err:
        raise DataError("not a transformer's config", path=config) from err
    if not any((folder / file).is_file() for file in _WEIGHTS):
        raise DataError(f"no weights in the transformer folder, expected {_WEIGHTS[0]} or {_WEIGHTS[1]}", path=folder)
    needed = _SENTENCEPIECE.get(kind)
    if needed and not (folder / needed).is_file():
        raise DataError(
            f"no {needed} in the transformer folder",
            path=folder,
            hint=f"spacy-transformers needs it beside any tokenizer.json; copy it from where the {kind} came from",
        )
    return count_parameters(folder / _WEIGHTS[0])


def count_parameters(weights: Path) -> int | None:
    """RETURNS (int | None): Numbers in a safetensors file, read from its header; None without such a file."""
    if not weights.is_file():
        return None
    with weights.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(size)) if size < 100_000_000 else None
        except ValueError:
            header = None
    if not isinstance(header, dict):
        raise DataError("not a safetensors file", path=weights, hint="was it downloaded whole, and not as an LFS link?")
    return sum(int(prod(tensor["shape"])) for name, tensor in header.items() if name != "__metadata__")


def _check_hub(name: str) -> None:
    from huggingface_hub import hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    advice = f"download it where there is a network and give the folder: {OPTION} FOLDER"
    try:
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return
        # Asked once: the library's own call asks for half a minute before it gives up.
        url = hf_hub_url(name, "config.json")
        status = get_session().head(url, headers=build_hf_headers(), timeout=_REACH_S, allow_redirects=True).status_code
    except HFValidationError as err:
        raise ConfigError(f"{OPTION}: {name!r} is neither a folder nor a name on the model hub") from err
    except OSError as err:  # what requests raises, offline mode too
        raise DataError(
            f"{OPTION}: {name!r} is neither a folder nor in the cache, and the model hub can't be reached "
            f"({type(err).__name__})",
            hint=advice,
        ) from err
    if status in (401, 403, 404):
        raise DataError(
            f"{OPTION}: the model hub has no transformer {name!r}, or doesn't give it to you (status {status})",
            hint=f"check the name and whether you are logged in, or give a folder: {OPTION} FOLDER",
        )
    if status >= 400:
        raise DataError(f"{OPTION}: the model hub answers {status} about {name!r}", hint=advice)
