"""Code is an input: the files that a script's imports reach, and no others."""

import json
from pathlib import Path

import pytest

from ser.errors import InputError
from ser.plan import code


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "scripts/run.py": "import json\nfrom _frame import go\nfrom ser.a import thing\n",
        "scripts/_frame.py": "import ser.errors\n",
        "ser/__init__.py": "",
        "ser/errors.py": "",
        "ser/a/__init__.py": "",
        "ser/a/thing.py": "def f():\n    from ser.b import late\n    import ser.a.other as o\n",
        "ser/a/other.py": "import ser.a.thing\n",
        "ser/b.py": "late = 1\n",
        "ser/unused.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(code, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """As a new process begins."""
    for known in (code.code_of, code._imports, code._recorded):
        known.cache_clear()
    code._found.clear()


def test_follows_imports_of_every_kind_and_nothing_else(project: Path) -> None:
    assert code.code_of("scripts/run.py") == (
        "scripts/_frame.py",
        "scripts/run.py",
        "ser/__init__.py",
        "ser/a/__init__.py",
        "ser/a/other.py",
        "ser/a/thing.py",
        "ser/b.py",
        "ser/errors.py",
    )


def test_digest_changes_with_the_content_of_a_reached_file_only(project: Path) -> None:
    before = code.code_digest(code.code_of("scripts/run.py"))
    (project / "ser/unused.py").write_text("x = 1\n")
    (project / "ser/b.py").touch()
    assert code.code_digest(code.code_of("scripts/run.py")) == before
    (project / "ser/b.py").write_text("late = 2\n")
    assert code.code_digest(code.code_of("scripts/run.py")) != before


def test_what_only_a_type_checker_sees_does_not_run(project: Path) -> None:
    (project / "ser/typed.py").write_text("import ser.b\nif TYPE_CHECKING:\n    import ser.unused\n")
    assert code.code_of_module("ser.typed") == ("ser/__init__.py", "ser/b.py", "ser/typed.py")


def test_a_file_beside_a_module_of_a_package_is_not_what_a_bare_name_means(project: Path) -> None:
    """As Python has it: a system called torch is not what the others import."""
    before = code.code_of("scripts/run.py")
    (project / "ser/a/thing.py").write_text("import json\n" + (project / "ser/a/thing.py").read_text())
    (project / "ser/a/json.py").write_text("")
    forget()
    assert code.code_of("scripts/run.py") == before


def test_a_module_that_does_not_exist_is_refused_and_never_simply_unused(project: Path) -> None:
    files = code.code_of("scripts/run.py")
    assert code.reaches(files, "ser.b") and not code.reaches(files, "ser.unused")
    for asked in (lambda: code.reaches(files, "ser.renamed"), lambda: code.code_of_module("ser.renamed")):
        with pytest.raises(InputError, match=r"^ser/renamed.py: no such file"):
            asked()


def test_imports_are_found_once_for_each_content(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, parsed, parse = code.code_of("scripts/run.py"), [], code._names
    code.record_imports()
    monkeypatch.setattr(code, "_names", lambda text, path: parsed.append(Path(path).name) or parse(text, path))
    forget()
    assert code.code_of("scripts/run.py") == files and not parsed
    (project / "ser/b.py").write_text("import ser.unused\n")
    (project / "ser/errors.py").touch()
    forget()
    assert code.code_of("scripts/run.py") == tuple(sorted([*files, "ser/unused.py"])) and parsed == ["b.py"]
    code.record_imports()
    assert len(json.loads((project / code._RECORD).read_text())) == len(
        {*map(contents, code.code_of("scripts/run.py"))}
    )


def contents(file: str) -> bytes:
    return (code.ROOT / file).read_bytes()


@pytest.mark.parametrize("record", ["", "[1, 2]", "{"])
def test_a_record_that_cannot_be_read_counts_for_nothing(project: Path, record: str) -> None:
    files = code.code_of("scripts/run.py")
    (project / ".snakemake").mkdir()
    (project / code._RECORD).write_text(record)
    forget()
    assert code.code_of("scripts/run.py") == files
