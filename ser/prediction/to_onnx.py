"""A network as ONNX: from the tensors of a batch (preprocessing is not in it) to scores, checked against torch."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from ser.errors import InputError
from ser.prediction.predictor import Predictor
from ser.waveforms import RATE

TOLERANCE = 1e-4
_SECONDS = (2.3, 1.1, 3.7)  # of the noise that is exported with, and of that it is checked with
_NOT_READ = ("target", "region")  # of a batch: what only training needs


def write_onnx(predictor: Predictor, number: int, path: Path) -> dict[str, Any]:
    """Write the network of model `number` to `path`; returns what config.json says of it: inputs and outputs, each with
    its type and shape, in which a word stands for a length that may vary.

    Raises InputError where the packages are missing, the row has no network, it cannot be exported, or onnxruntime's
    scores differ from torch's by more than `TOLERANCE`.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # torch's exporter needs it
        import torch
        import torch.nn.functional as F
    except ImportError as error:
        raise InputError(
            f"--onnx: {error.name} is not installed: `python -m pip install onnx onnxruntime onnxscript`"
        ) from None
    if not hasattr(predictor.system, "Task"):
        raise InputError(f"--onnx: {predictor.trained.system} has no network: leave --onnx out")

    class Scores(torch.nn.Module):
        def __init__(self, task: Any, network: torch.nn.Module, names: list[str]) -> None:
            super().__init__()
            self.task, self.network, self.names = task, network, names

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            outputs = self.task.forward(self.network, dict(zip(self.names, tensors, strict=True)))
            scores: torch.Tensor = self.task.scores(outputs)[:, : len(predictor.labels)]
            return scores

    rng = np.random.default_rng(0)
    sounds = [rng.normal(0, 1000, int(seconds * RATE)).astype(np.int16) for seconds in _SECONDS]
    found = [_batch(predictor, number, samples) for samples in sounds]
    task, network, batch = found[0]
    names = [name for name in batch if name not in _NOT_READ]
    module = Scores(task, network, names).eval()
    lengths = {name: _varying(name, [of[name].shape for _, _, of in found]) for name in names}
    dynamic = tuple(dict.fromkeys(lengths[name], torch.export.Dim.DYNAMIC) or None for name in names)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.inference_mode():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            args = tuple(torch.cat([batch[name]] * 2) for name in names)  # of a single one, 1 would be taken for fixed
            attention = "scaled_dot_product_attention"
            with mock.patch.object(F, attention, _with_heads(getattr(F, attention))):
                torch.onnx.export(
                    module,
                    args,
                    path,
                    input_names=names,
                    output_names=["scores"],
                    dynamic_shapes=(dynamic,),
                    dynamo=True,
                    external_data=False,
                    verbose=False,
                )
        except Exception as error:  # whatever of torch's code it met
            raise InputError(f"--onnx: {predictor.trained.system} cannot be exported: {str(error)[:200]}") from None
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    taken = {entry.name for entry in session.get_inputs()}
    worst = 0.0
    for _, _, of in found:
        with torch.inference_mode():
            wanted = module(*(of[name] for name in names)).numpy()
        (scores,) = session.run(None, {name: of[name].numpy() for name in names if name in taken})
        worst = max(worst, float(np.abs(scores - wanted).max()))
    if not worst <= TOLERANCE:
        raise InputError(f"--onnx: {path.name}: its scores differ from torch's by {worst:.2g}: leave --onnx out")
    return {
        "file": path.name,
        "inputs": {
            name: {
                "dtype": str(batch[name].dtype).removeprefix("torch."),
                "shape": [lengths[name].get(axis, size) for axis, size in enumerate(batch[name].shape)],
            }
            for name in names
            if name in taken
        },
        "outputs": {"scores": {"dtype": "float32", "shape": ["batch", len(predictor.labels)]}},
        "largest_difference": worst,
    }


def _with_heads(attention: Callable[..., Any]) -> Callable[..., Any]:
    """Torch's attention, for whose export [B, L, D] must have an axis of heads."""

    def with_heads(query: Any, key: Any, value: Any, *arguments: Any, **options: Any) -> Any:
        if query.ndim == 4:
            return attention(query, key, value, *arguments, **options)
        heads = (tensor.unsqueeze(1) for tensor in (query, key, value))
        return attention(*heads, *arguments, **options).squeeze(1)

    return with_heads


def _batch(predictor: Predictor, number: int, samples: np.ndarray) -> tuple[Any, Any, dict[str, Any]]:
    """Task, network and batch of an utterance's examples."""
    fold = predictor.fold(predictor.stores(samples))
    task, network = predictor.tasks(fold)[number]
    return task, network, task.collate(task.examples(fold.test, None), None)


def _varying(name: str, shapes: list[tuple[int, ...]]) -> dict[int, str]:
    """Axis -> its name, of those whose length differs between the batches, and of the batch's own."""
    axes = [axis for axis, sizes in enumerate(zip(*shapes, strict=True)) if axis == 0 or len({*sizes}) > 1]
    return {axis: "batch" if axis == 0 else "length" for axis in axes}
