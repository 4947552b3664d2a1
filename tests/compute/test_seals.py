"""Files are compared with what they were when their jobs ended."""

from pathlib import Path

from ser.compute.seals import Seals


def test_a_sealed_file_holds_until_it_changes(tmp_path: Path) -> None:
    path, record = tmp_path / "table.csv", tmp_path / "seals.json"
    path.write_text("1\n")
    assert not Seals(record).hold(str(path))  # nobody sealed it
    Seals(record).seal([str(path), str(tmp_path / "missing.csv")])
    assert Seals(record).hold(str(path)) and Seals(record).hold(str(tmp_path / "missing.csv"))
    path.write_text("2\n")
    assert not Seals(record).hold(str(path))
    Seals(record).seal([str(path)])
    assert Seals(record).hold(str(path))


def test_an_unreadable_record_holds_nothing(tmp_path: Path) -> None:
    path, record = tmp_path / "table.csv", tmp_path / "seals.json"
    path.write_text("1\n")
    for text in ("", "[1]", '{"a"'):
        record.write_text(text)
        assert not Seals(record).hold(str(path))
