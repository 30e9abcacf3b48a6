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
    """Turn the weights of products into 8-bit whole numbers, channel by channel, and embeddings into float16.

    Activations are scaled when they come (dynamic quantization). Weights are unsigned: on processors without VNNI the
    sum of two products of signed ones overflows, and seven bits instead change twice as many entities.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it recommends a step that brings nothing here
    try:
        quantize_dynamic(
            source, target, op_types_to_quantize=["MatMul"], per_channel=True,
            weight_type=QuantType.QUInt8, extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
    finally:
        logger.setLevel(level)
    model = onnx.load(str(target))
    _halve_embeddings(model)
    onnx.save(model, str(target))


def _halve_embeddings(model: Any) -> None:
    """Keep each table that rows are taken from in float16: in int8 it alone would change one entity in a hundred."""
    from onnx import TensorProto, helper, numpy_helper

    tables = {tensor.name: tensor for tensor in model.graph.initializer}
    used = Counter(name for node in model.graph.node for name in node.input)
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        tensor = tables.get(node.input[0]) if node.op_type == "Gather" else None
        if tensor is None or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2 or used[tensor.name] > 1:
            continue
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
        output = node.output[0]
        node.output[0] = f"{output}.half"
        nodes.append(helper.make_node("Cast", [f"{output}.half"], [output], to=TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
