"""Which corpora params.yaml is about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser.files import words


def corpora_of_scale(params: Mapping[str, Any]) -> list[str]:
    """The corpora that are read: the scale's own and, except at demo, those in params.yaml that no scale lists."""
    listed = {corpus for scale in params["scales"].values() for corpus in scale["corpora"]}
    own = [] if params["scale"] == "demo" else [corpus for corpus in params["corpora"] if corpus not in listed]
    return [*params["scales"][params["scale"]]["corpora"], *own]


def known_corpora(params: Mapping[str, Any], root: Path) -> set[str]:
    """The corpora that params.yaml names or that have a loader."""
    return {*params["corpora"], *words("corpora", root)}
