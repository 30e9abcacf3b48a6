"""A trained transformer pipeline to one that needs no torch: same components, encoder on onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spacy import util
from spacy.language import Language

from ..atomic import write_text
from ..errors import ConfigError
from .onnx_encoder import GRAPH, TOKENIZER, write_facts
from .onnx_graph import quantize_graph, write_graph

REQUIREMENTS = ("onnxruntime>=1.20.0,<2.0.0", "tokenizers>=0.20.0")
_LISTENER = "spacy-transformers.TransformerListener.v1"
_STRIDED, _WHOLE = "spacy-transformers.strided_spans.v1", "spacy-transformers.doc_spans.v1"


def transformer_component(nlp: Language) -> str:
    """RETURNS (str): Name of the pipeline's one transformer. RAISES: ConfigError if it has none, or several."""
    names = [name for name in nlp.component_names if nlp.get_pipe_meta(name).factory == "transformer"]
    if len(names) != 1:
        raise ConfigError(
            f"expected a pipeline with one transformer component, got {len(names)} among {nlp.component_names}"
        )
    return names[0]


def export_pipeline(nlp: Language, folder: Path, *, int8: bool, batch_size: int, threads: int) -> None:
    """Write a pipeline folder whose transformer runs on onnxruntime.

    nlp (Language): Loaded, with one transformer; it isn't fit for use afterwards. folder (Path): Empty or not there.
    int8 (bool): Quantize. batch_size, threads (int): Of the ``onnx_transformer``.
    RAISES: ConfigError for what has no counterpart, ConvnerError if the graph answers otherwise.
    """
    name = transformer_component(nlp)
    config = nlp.config.interpolate()
    window, stride = _span_settings(config["components"][name]["model"]["get_spans"])
    listeners = list(find_listeners(config["components"], name))
    for path, block in listeners:
        pooling = block["pooling"].get("@layers")
        if pooling != "reduce_mean.v1":
            where = ".".join(("components", *path, "pooling"))
            raise ConfigError(f"[{where}]: only reduce_mean.v1 can be exported, got {pooling}")
    model: Any = nlp.get_pipe(name).model  # type: ignore[attr-defined]
    tokenizer = model.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        raise ConfigError("only a fast tokenizer can be exported; train with tokenizer_config.use_fast = true")
    width = model.transformer.config.hidden_size
    _swap_listeners(nlp, [path[0] for path, _ in listeners], name, width)
    nlp.meta["requirements"] = [*nlp.meta.get("requirements", []), *REQUIREMENTS]
    nlp.to_disk(folder, exclude=[name])

    written = util.load_config(folder / "config.cfg")
    written["components"][name] = {
        "factory": "onnx_transformer", "window": window, "stride": stride, "batch_size": batch_size, "threads": threads
    }  # fmt: skip
    for path, _ in listeners:
        block = written["components"]
        for part in path[:-1]:
            block = block[part]
        block[path[-1]] = {"@architectures": "spacy.Tok2VecListener.v1", "width": width, "upstream": name}
    written.to_disk(folder / "config.cfg")

    encoder = folder / name
    encoder.mkdir()
    write_text(encoder / TOKENIZER, _plain(tokenizer))
    plain = encoder / "float32.onnx" if int8 else encoder / GRAPH
    write_graph(model.transformer, plain)
    if int8:
        quantize_graph(plain, encoder / GRAPH)
        plain.unlink()
    write_facts(
        encoder,
        width=width,
        max_pieces=_longest_input(tokenizer, model.transformer.config),
        pad_id=tokenizer.pad_token_id,
        int8=int8,
    )


def find_listeners(components: Mapping[str, Any], upstream: str) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """YIELDS (tuple): Path of each listener to ``upstream`` under ``[components]``, and its block."""

    def walk(block: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
        if block.get("@architectures") == _LISTENER and block.get("upstream", "*") in ("*", upstream):
            yield path, block
        for key, value in block.items():
            if isinstance(value, Mapping):
                yield from walk(value, (*path, key))

    return walk(components, ())


def _swap_listeners(nlp: Language, components: list[str], upstream: str, width: int) -> None:
    from spacy.pipeline.tok2vec import Tok2VecListener

    swap: Any = util.replace_model_node
    listener: Any = Tok2VecListener
    for component in dict.fromkeys(components):
        model: Any = nlp.get_pipe(component).model  # type: ignore[attr-defined]
        # The listener and the pooling that follows it make one node, which its parents know.
        old = [node for node in model.walk() if "listener" in node.ref_names]
        for node in old:
            swap(model, node, listener(upstream_name=upstream, width=width))


def _span_settings(block: Mapping[str, Any]) -> tuple[int, int]:
    getter = block.get("@span_getters", "")
    if getter == _WHOLE:
        return 0, 0
    if getter != _STRIDED:
        raise ConfigError(f"get_spans: only {_STRIDED} and {_WHOLE} can be exported, got {getter}")
    return int(block["window"]), int(block["stride"])


def _longest_input(tokenizer: Any, config: Any) -> int:
    """RETURNS (int): Pieces. The RoBERTa family counts positions from the one after the padding's."""
    taken = config.pad_token_id + 1 if "roberta" in config.model_type or config.model_type == "camembert" else 0
    return int(min(tokenizer.model_max_length, config.max_position_embeddings - taken))


def _plain(tokenizer: Any) -> str:
    """RETURNS (str): tokenizer.json without the padding and truncation of the last call."""
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    copy.no_padding()
    copy.no_truncation()
    return str(copy.to_str())
