from pathlib import Path

import pytest

from ser.plan.parts import MOST, number_of_parts


@pytest.mark.parametrize(
    ("corpus", "cpu", "gpu"), [("emodb", 4, 1), ("iemocap", 21, 2), ("crema_d", 15, 1), ("msp_podcast", MOST, 27)]
)
def test_by_the_size_of_the_release(corpus: str, cpu: int, gpu: int) -> None:
    assert (number_of_parts(corpus, {}, "cpu"), number_of_parts(corpus, {}, "gpu")) == (cpu, gpu)


def test_by_the_lines_of_a_manifest(tmp_path: Path) -> None:
    manifest = tmp_path / "mine.csv"
    manifest.write_text("path,speaker,emotion\n" + "a.wav,1,happy\n" * 2001)
    assert number_of_parts("mine", {"manifest": str(manifest)}, "cpu") == 5
    for other in ("mine.parquet", "none.csv"):
        assert number_of_parts("mine", {"manifest": str(tmp_path / other)}, "cpu") == 4
