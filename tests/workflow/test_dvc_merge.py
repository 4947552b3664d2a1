"""What two clones computed apart, merged by Git and DVC."""

from pathlib import Path

import pytest

from helpers.shared import built_once, copy_of
from helpers.versions import NETWORK, failure, results, set_rate, trained, versioned_project


def test_what_two_clones_computed_is_merged_and_not_computed_again(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One changes a setting, one the code of another system; both push to one remote."""
    built = built_once(tmp_path_factory, "versioned", versioned_project)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # quicker, and stops nothing
    first, second = (copy_of(built, tmp_path / name) for name in ("first", "second"))
    for project in (first, second):
        remote = ["remote", "add", "--force", "--default", "--local", "store", str(tmp_path / "remote")]
        project.tool("dvc", *remote)
    set_rate(first, "0.0001")
    second.replace("ser/systems/majority.py", "import numpy as np", "import numpy as np  # the same")
    for project, group in ((first, NETWORK), (second, "fair/majority/")):
        names = trained(project.tool("dvc", "repro"))
        assert names and all(name.startswith(group) for name in names)
        project.tool("dvc", "push")
        project.commit()
    made = results(first)
    made |= {path: content for path, content in results(second).items() if "/runs/fair/" in path}

    pull = ["-c", "user.name=test", "-c", "user.email=test@localhost", "pull", "--no-rebase", str(second.folder)]
    assert "Merge conflict in dvc.lock" in failure(first, "git", *pull)
    assert first.tool("git", "diff", "--name-only", "--diff-filter=U").split() == ["dvc.lock"]
    said = first.tool("python", "workflow_scripts/restore.py")
    runs = len([path for path in made if "/runs/fair/" in path])
    assert f"fetched what is as planned: {runs} of {runs} artifacts" in said
    said = first.tool("dvc", "repro")
    assert trained(said) == set() and "splitting" not in said and "decoding" not in said
    assert {path: content for path, content in results(first).items() if "/runs/" in path} == {
        path: content for path, content in made.items() if "/runs/" in path
    }
    assert "up to date" in first.tool("dvc", "status")
    first.tool("dvc", "push")
    first.commit()

    second.tool("git", "pull", "--quiet", str(first.folder))
    assert "restored: neither" in second.tool("python", "workflow_scripts/restore.py")
    assert results(second) == results(first)
