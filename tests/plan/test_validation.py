"""YAML files: a key that appears twice is refused."""

from pathlib import Path

import pytest

from ser.errors import InputError
from ser.plan.validation import read_yaml


def test_a_key_that_stands_twice_is_refused(project: Path) -> None:
    path = project / "twice.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n")
    with pytest.raises(InputError, match="twice.yaml: line 3: 'a' appears twice"):
        read_yaml(path)
