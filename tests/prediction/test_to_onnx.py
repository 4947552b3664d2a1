"""Networks as ONNX: the scores of onnxruntime are torch's, for lengths and batches of its own."""

import json
from pathlib import Path

import numpy as np
import pytest

import ser
from helpers.predictable import learn
from ser.errors import InputError
from ser.prediction.export import export

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


# A length that varies; attention without heads; two inputs, one of them 8-bit, and an encoder.
@pytest.mark.parametrize("row", ["attention_fcn/full", "area_attention/vtlp_3x3", "mfhca/full"])
def test_the_scores_are_torchs(tmp_path: Path, row: str) -> None:
    learned = learn(tmp_path, row)
    export(learned.trained, tmp_path / "out", with_onnx=True)
    (told,) = json.loads((tmp_path / "out/config.json").read_text())["ser"]["onnx"]
    session = onnxruntime.InferenceSession(tmp_path / "out" / told["file"], providers=["CPUExecutionProvider"])
    predictor = ser.load(tmp_path / "out")
    for name, ours in zip(learned.fold.test.utterances, learned.outcome.scores, strict=True):
        fold = predictor.fold(predictor.stores(learned.sounds[name]))
        task, _ = predictor.tasks(fold)[0]
        batch = task.collate(task.examples(fold.test, None), None)
        inputs = {entry.name: batch[entry.name].numpy() for entry in session.get_inputs()}
        assert {*inputs} == {*told["inputs"]}
        for entry, array in inputs.items():
            kind = told["inputs"][entry]
            assert str(array.dtype) == kind["dtype"]
            assert all(size == n for size, n in zip(kind["shape"], array.shape, strict=True) if isinstance(size, int))
        (scores,) = session.run(None, inputs)
        np.testing.assert_allclose(scores.mean(axis=0), ours, rtol=0, atol=1e-4)


def test_what_has_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="functionals_svm has no network: leave --onnx out"):
        export(learn(tmp_path, "fair/functionals_svm").trained, tmp_path / "out", with_onnx=True)
    assert not (tmp_path / "out").exists()
