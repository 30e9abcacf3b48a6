"""From a torch encoder to an ONNX graph, and from that to one of whole numbers."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, ConvnerError, MissingExtraError

_LARGEST = 2_000_000_000  # bytes; protobuf takes no more in one file
_OPSET = 17
_TOLERANCE = 1e-3


def check_onnx_installed() -> None:
    """RAISES: MissingExtraError unless a graph can be written and run."""
    for module in ("onnx", "onnxruntime"):
        try:
            __import__(module)
        except ImportError as err:
            raise MissingExtraError("convner export", module, "onnx") from err


def write_graph(transformer: Any, path: Path) -> None:
    """Write a transformer's encoder as an ONNX graph and compare what both answer.

    transformer (Any): A ``transformers`` encoder with ``last_hidden_state``. path (Path): File to write.
    The graph takes ``input_ids`` and ``attention_mask``, int64, shape (texts, pieces), and gives ``last_hidden_state``,
    float32, shape (texts, pieces, width).
    RAISES: ConfigError for one that is too large or isn't such an encoder, ConvnerError if the answers differ.
    """
    import torch
    from transformers import AutoModel

    size = sum(parameter.numel() for parameter in transformer.parameters()) * 4
    if size > _LARGEST:
        raise ConfigError(
            f"the transformer takes {size / 1e9:.1f} GB, an ONNX file 2 GB: convner trim-vocabulary makes it smaller"
        )
    # Of a copy: plain attention can be traced, and the pipeline's own model stays as it is.
    auto: Any = AutoModel
    plain = auto.from_config(transformer.config, attn_implementation="eager")
    plain.load_state_dict(transformer.state_dict())
    plain.to("cpu").eval()

    class LastHiddenState(torch.nn.Module):
        """The one output that a student reads."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = plain

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    encoder = LastHiddenState().eval()
    ids, mask = _sample(transformer.config)
    inputs = (torch.from_numpy(ids), torch.from_numpy(mask))
    axes = {name: {0: "texts", 1: "pieces"} for name in ("input_ids", "attention_mask", "last_hidden_state")}
    with torch.no_grad(), warnings.catch_warnings():
        # torch 2.9 and later would rather have onnxscript, which writes the same graph with one more package.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder, (inputs[0][:, :-2], inputs[1][:, :-2]), str(path), dynamo=False, opset_version=_OPSET,
            input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"], dynamic_axes=axes,
        )  # fmt: skip
        expected = encoder.eval()(*inputs).numpy()
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    furthest = float(np.abs(found - expected)[mask.astype(bool)].max())
    if not furthest <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ConvnerError(f"the ONNX graph answers otherwise than the transformer, by up to {furthest:.2g}")


def _sample(config: Any) -> tuple[Any, Any]:
    """RETURNS (tuple): Pieces of three texts, the last of them short, and which are no padding; shape (3, 12)."""
    generator = np.random.default_rng(0)
    ids = generator.integers(5, config.vocab_size, size=(3, 12))
    mask = np.ones_like(ids)
    pad = config.pad_token_id or 0
    ids[ids == pad] = 5 if pad != 5 else 6
    ids[2, 7:], mask[2, 7:] = pad, 0
    return ids, mask


def quantize_graph(source: Path, target: Path) -> None:
    """Turn weights into 8-bit whole numbers: of products channel by channel, of embeddings row by row.

    Activations are scaled when they come (dynamic quantization). Weights use seven of the eight bits: on processors
    without VNNI a sum of two products of eight would overflow.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it recommends a step that brings nothing here
    try:
        quantize_dynamic(
            source, target, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
            weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
    finally:
        logger.setLevel(level)
    model = onnx.load(str(target))
    _quantize_embeddings(model)
    onnx.save(model, str(target))


def _quantize_embeddings(model: Any) -> None:
    """Replace each large table that rows are taken from by rows of int8 and a scale a row."""
    from onnx import TensorProto, helper, numpy_helper

    tables = {tensor.name: tensor for tensor in model.graph.initializer}
    used = Counter(name for node in model.graph.node for name in node.input)
    nodes = []
    for node in model.graph.node:
        tensor = tables.get(node.input[0]) if node.op_type == "Gather" else None
        if tensor is None or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2 or used[tensor.name] > 1:
            nodes.append(node)
            continue
        table = numpy_helper.to_array(tensor)
        scales = np.abs(table).max(axis=1, keepdims=True) / 127
        scales[scales == 0] = 1
        name, rows = tensor.name, np.round(table / scales).astype(np.int8)
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(numpy_helper.from_array(rows, f"{name}.int8"))
        model.graph.initializer.append(numpy_helper.from_array(scales.astype(np.float32), f"{name}.scale"))
        ids, output = node.input[1], node.output[0]
        nodes += [
            helper.make_node("Gather", [f"{name}.int8", ids], [f"{output}.int8"], axis=0),
            helper.make_node("Cast", [f"{output}.int8"], [f"{output}.float"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{name}.scale", ids], [f"{output}.scale"], axis=0),
            helper.make_node("Mul", [f"{output}.float", f"{output}.scale"], [output]),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
