"""A copy of the project in which a test may change code and parameters, and run the real workflow."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from helpers import ROOT, warm
from helpers.params import params
from helpers.warm import BIN
from ser.plan.places import TABLE

PARTS = ["Snakefile", "rules", "schemas", "experiments", "profiles", "ser", "workflow_scripts"]
VERSIONED = ["dvc.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitattributes", "external", ".gitignore"]
PATIENCE = 1800  # seconds: only against hanging; on a busy machine a build takes many times as long as usual


@dataclass
class Project:
    """A working copy, and `snakemake` as a user calls it there."""

    folder: Path

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call `snakemake` in the project, whether or not it fails."""
        command = warm.snakemake("--cores", "2", *arguments)
        environment = os.environ | warm.for_jobs()
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )

    def tool(self, name: str, *arguments: str, **environment: str) -> str:
        """Call `dvc`, `git` or `python` in the project, as in an activated environment; returns its output.

        Raises CalledProcessError, with the output, where it fails.
        """
        path = f"{warm.programs()}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [name, *arguments],
            cwd=self.folder,
            env=os.environ | warm.for_jobs() | {"PATH": path} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=PATIENCE,
        ).stdout

    def version(self) -> None:
        """Put the project under Git and DVC, as in a clone of it."""
        for name in VERSIONED:
            source, target = ROOT / name, self.folder / name
            target.parent.mkdir(exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        self.tool("git", "init", "--quiet")
        self.commit()

    def commit(self) -> None:
        """Commit everything."""
        self.tool("git", "add", "--all")
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        self.tool("git", *who, "commit", "--quiet", "--message", "test")

    def clone(self, folder: Path) -> "Project":
        """A clone of what is committed."""
        self.tool("git", "clone", "--quiet", ".", str(folder))
        return Project(folder)

    def start(self) -> subprocess.Popen:
        """Begin to build the table, in a process group of its own."""
        command = [BIN / "snakemake", "--cores", "2", "--", TABLE]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, cwd=self.folder, start_new_session=True, **quiet)

    def build(self, *targets: str) -> str:
        """Build `targets`, by default the table; returns Snakemake's output."""
        result = self.snakemake("--", *(targets or [TABLE]))
        assert result.returncode == 0, result.stderr[-6000:]
        return result.stdout + result.stderr

    def planned(self, *targets: str) -> dict[str, int]:
        """How many jobs of each rule a dry run plans."""
        result = self.snakemake("-n", "--", *(targets or [TABLE]))
        assert result.returncode == 0, result.stderr[-6000:]
        said = result.stdout + result.stderr
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", said, re.MULTILINE))
        assert jobs or "Nothing to be done" in said, said
        return {rule: int(number) for rule, number in jobs.items() if rule != "total"}

    def planned_outputs(self) -> str:
        """The text of a dry run: every planned job with its files."""
        result = self.snakemake("-n", "--", TABLE)
        return result.stdout + result.stderr

    def set(self, **entries: Any) -> None:
        """Change entries of params.yaml."""
        path = self.folder / "params.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | entries, sort_keys=False))

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace the first `old` in a text file, which must have it."""
        path = self.folder / file
        before, found, after = path.read_text().partition(old)
        assert found, f"{file}: no {old!r}"
        path.write_text(before + new + after)

    def set_corpus(self, name: str, **settings: Any) -> None:
        """Change entries of one corpus in params.yaml."""
        corpora = yaml.safe_load((self.folder / "params.yaml").read_text())["corpora"]
        self.set(corpora=corpora | {name: corpora.get(name, {}) | settings})

    def metrics(self) -> dict[str, bytes]:
        """Each run's metrics.json."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.glob("work/*/runs/**/metrics.json"))
        }


def copy_project(folder: Path, **entries: Any) -> Project:
    """A copy of the project's files with the tests' own parameters, some replaced by `entries`."""
    folder.mkdir(parents=True)
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(params(**entries), sort_keys=False))
    return Project(folder)


def cluster_project(folder: Path, **entries: Any) -> Project:
    """A copy of the project whose profile asks Slurm about its jobs after a second, and then every second."""
    project = copy_project(folder, **entries)
    path = folder / "profiles/slurm/profile.yaml"
    text = path.read_text()
    assert "before-status-checks: 10" in text and "between-status-checks: 30" in text
    text = text.replace("before-status-checks: 10", "before-status-checks: 1")
    path.write_text(text.replace("between-status-checks: 30", "between-status-checks: 1"))
    return project
