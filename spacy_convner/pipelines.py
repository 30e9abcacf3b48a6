"""Load a pipeline from what people name on a command line, and tell two pipelines apart."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import spacy
from confection import Config
from spacy.language import Language
from spacy.util import is_package, load_config, load_model_from_config

from .errors import ConfigError, ConvnerError, DataError


def load_pipeline(source: str) -> Language:
    """Load a pipeline ready for use.

    source (str): A folder made by ``nlp.to_disk``, the name of an installed pipeline package, or a ``.cfg`` file,
        which is filled with defaults, assembled and initialized (as ``spacy assemble`` does).
    RAISES: DataError or ConfigError with what to do.
    """
    path = Path(source)
    if path.suffix == ".cfg":
        config = read_config(path)
        try:
            nlp = load_model_from_config(config, auto_fill=True)
        except (ValueError, ImportError) as err:  # config and registry errors; an unknown language is an ImportError
            if isinstance(err, ConvnerError):
                raise
            raise ConfigError(f"{path}: {str(err).strip()}") from err
        nlp.initialize()
        return nlp
    if not path.exists() and not is_package(source):
        raise DataError("no such pipeline", path=source, hint="give a folder, an installed package or a .cfg file")
    try:
        return spacy.load(source)
    except (OSError, ValueError, ImportError) as err:
        if isinstance(err, ConvnerError):
            raise
        raise DataError(f"can't be loaded as a pipeline: {str(err).strip()}", path=source) from err


def blank_pipeline(lang: str, option: str) -> Language:
    """RETURNS (Language): A language's tokenizer alone. RAISES: ConfigError naming the option for an unknown one."""
    try:
        return spacy.blank(lang)
    except ImportError as err:
        raise ConfigError(f"{option}: unknown language {lang!r}") from err


def read_config(path: Path, *, interpolate: bool = False) -> Config:
    """interpolate (bool): Put values in the place of ``${section.key}``.

    RETURNS (Config). RAISES: DataError for a missing file, ConfigError for one that can't be read.
    """
    if not path.is_file():
        raise DataError("no such config file", path=path)
    try:
        return load_config(path, interpolate=interpolate)
    except ValueError as err:
        raise ConfigError(f"{path}: {str(err).strip()}") from err
    except KeyError as err:
        raise ConfigError(
            f"{path}: a section stands before [… {err.args[0]}], to which it belongs (put outer sections first)"
        ) from err


def pipeline_fingerprint(nlp: Language) -> str:
    """RETURNS (str): SHA-256 of the config and the state of every component: changes when its labels may."""
    config = nlp.config.copy()
    for component in config.get("components", {}).values():
        _forget_manner(component)
    digest = hashlib.sha256(config.to_str().encode("utf8"))
    for name, pipe in nlp.pipeline:
        digest.update(name.encode("utf8"))
        if hasattr(pipe, "fingerprint"):
            digest.update(pipe.fingerprint())
        elif hasattr(pipe, "to_bytes"):
            digest.update(pipe.to_bytes(exclude=["vocab"]))
        template = getattr(pipe, "template", None)  # read by path at every start
        if template is not None:
            for file in sorted(Path(template).glob("*.jinja")) if Path(template).is_dir() else [Path(template)]:
                digest.update(file.read_bytes() if file.is_file() else b"")
    return digest.hexdigest()


# Settings of a client that say how it asks, not what.
_ATTEMPTS = ("max_concurrency", "timeout", "max_retries", "max_wait", "max_batch", "poll_seconds")
_MANNER = frozenset({*_ATTEMPTS, "store", "store_prompts", "max_calls", "max_usd"})


def _forget_manner(block: dict[str, Any]) -> None:
    for key, value in block.items():
        if key in ("client", "llm", "filter") and isinstance(value, dict):
            for name in _MANNER & value.keys() if key == "client" else ():
                del value[name]
            _forget_manner(value)
