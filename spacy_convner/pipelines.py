"""Load a pipeline from what people name on a command line, and tell two pipelines apart."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any

import spacy
from confection import Config
from spacy.language import Language
from spacy.util import get_sourced_components, is_package, load_config, load_model_from_config

from .disk import folder_sha256
from .errors import ConfigError, ConvnerError, DataError

_VARIABLE = re.compile(r"\$\{([\w.]+)\}")


def load_pipeline(source: str) -> Language:
    """Load a pipeline ready for use.

    source (str): A folder made by ``nlp.to_disk``, the name of an installed pipeline package, or a ``.cfg`` file,
        which is put together by ``assemble_pipeline``.
    RAISES: DataError or ConfigError with what to do.
    """
    path = Path(source)
    if path.suffix == ".cfg":
        return assemble_pipeline(read_config(path), path)
    if not path.exists() and not is_package(source):
        raise DataError("no such pipeline", path=source, hint="give a folder, an installed package or a .cfg file")
    if path.exists() and not (path / "config.cfg").is_file():
        raise DataError("is no pipeline: config.cfg isn't in it", path=source, hint="give what nlp.to_disk has made")
    try:
        return spacy.load(source)
    except (OSError, ValueError, ImportError) as err:
        if isinstance(err, ConvnerError):
            raise
        raise DataError(f"can't be loaded as a pipeline: {str(err).strip()}", path=source) from err


def assemble_pipeline(config: Config, path: Path) -> Language:
    """Fill a config with defaults, put its pipeline together and initialize what isn't trained, as ``spacy assemble``.

    config (Config): Not interpolated. path (Path): Its file, for messages.
    RAISES: DataError for a pipeline that a component is to be copied from and that isn't there; ConfigError.
    """
    check_sources(config)
    try:
        nlp = load_model_from_config(config, auto_fill=True)
    except (ValueError, ImportError) as err:  # config and registry errors; an unknown language is an ImportError
        if isinstance(err, ConvnerError):
            raise
        raise ConfigError(f"{path}: {str(err).strip()}") from err
    nlp._link_components()  # listeners, before they are initialized
    with nlp.select_pipes(disable=[*get_sourced_components(config.interpolate())]):
        nlp.initialize()
    return nlp


def check_sources(config: Config) -> list[Path]:
    """config (Config): Not interpolated.

    RETURNS (list[Path]): Folders of pipelines that components are copied from.
    RAISES: DataError for a ``source`` that is no pipeline, or that lacks the component; ConfigError for a config that
        refers to what it doesn't have.
    """
    try:
        filled = config.interpolate()
    except ValueError as err:
        raise ConfigError(" ".join(str(err).split())) from err
    written, folders = config.get("components", {}), []
    for name, block in filled.get("components", {}).items():
        source = str(block.get("source", ""))
        if not source or is_package(source):
            continue
        where = f"components.{name}.source"
        variable = _VARIABLE.fullmatch(str(written[name]["source"]))
        hint = f"train that pipeline first, or give another: --{variable[1] if variable else where} FOLDER"
        if not (Path(source) / "config.cfg").is_file():
            missing = "is no pipeline" if Path(source).exists() else "no such pipeline"
            raise DataError(missing, path=source, field=where, hint=hint)
        wanted, there = block.get("component", name), read_config(Path(source) / "config.cfg")["nlp"]["pipeline"]
        if wanted not in there:
            raise DataError(
                f"has no component {wanted!r}, only {', '.join(there)}", path=source, field=where, hint=hint
            )
        folders.append(Path(source))
    return folders


def needless_retrievers(nlp: Language) -> list[str]:
    """RETURNS (list[str]): Components that only retrieve exemplars, where no later one reads them, as a local filter.

    A component that isn't spaCy's is taken to read them unless its ``reads_exemplars`` says otherwise.
    """
    needless: list[str] = []
    for name, pipe in reversed(nlp.pipeline):
        if nlp.get_pipe_meta(name).assigns == ["doc._.exemplars"]:
            needless.append(name)
        elif getattr(pipe, "reads_exemplars", not type(pipe).__module__.startswith("spacy.")):
            break
    return needless


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
    """RETURNS (str): SHA-256 of the config, the tokenizer, vectors and lookup tables, and the state of every component:
    changes when its labels may.
    """
    config = nlp.config.copy()
    for component in config.get("components", {}).values():
        _forget_manner(component)
    digest = hashlib.sha256(config.to_str().encode("utf8"))
    if nlp.vocab.vectors.size:
        digest.update(nlp.vocab.vectors.to_bytes())
    digest.update(nlp.vocab.lookups.to_bytes())
    for name, pipe in [("tokenizer", nlp.tokenizer), *nlp.pipeline]:
        digest.update(name.encode("utf8"))
        if hasattr(pipe, "fingerprint"):
            digest.update(pipe.fingerprint())
        elif hasattr(pipe, "to_bytes"):
            digest.update(pipe.to_bytes(exclude=["vocab"]))
        elif hasattr(pipe, "to_disk"):
            with tempfile.TemporaryDirectory() as scratch:
                pipe.to_disk(Path(scratch) / "component", exclude=["vocab"])
                digest.update(folder_sha256(Path(scratch)).encode())
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
