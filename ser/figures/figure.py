"""What a figure is: one description, drawn by the report's page where it is looked at and as a file for a paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A Vega-Lite specification with its data, and the words around it.

    `name` is a file name and an anchor, unique in the report. `section` is the report's section that shows it. The
    `caption` stands alone: what is seen, over which runs, at which scale. `groups` are those whose numbers it shows.
    """

    name: str
    section: str
    title: str
    caption: str
    spec: Mapping[str, Any]
    groups: tuple[str, ...]
