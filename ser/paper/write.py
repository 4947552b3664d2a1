"""All files of `results/paper/`."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vl_convert
from PIL import Image

from ser.figures.figure import Figure
from ser.figures.results import figures
from ser.figures.spec import SYNTHETIC, WORDS
from ser.figures.theme import config
from ser.outputs import write_text
from ser.paper import latex, markdown
from ser.paper.numbers import numbers
from ser.paper.tables import tables
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import COMPARISONS, HONEST_GAP, PROTOCOL_LADDER, TABLE, Places
from ser.results.lines import read_lines

WIDTH, CONFUSION = 480, 330  # pixels: the width of each figure, 12.7 cm, and the height of a confusion matrix
_PER_GROUP = ("confusion", "curves", "speakers")
_POINTS = 0.75  # of a pixel; a PDF takes an SVG's size for points
_SIZE = re.compile(r'\b(width|height)="([\d.]+)"')  # first in an SVG: its own
_PER_INCH = 300  # pixels of PNG
_COLOURS = 128  # of PNG: lines and a ramp need no more, and files are a quarter as large


def write_paper(folder: Path, plan: Plan, places: Places, made_from: MadeFrom) -> None:
    """Write everything into an empty `folder`: the same bytes for the same results.

    Raises InputError as `figures` does.
    """
    drawn = list(shown(plan, figures(plan, places, made_from)))
    for figure in drawn:
        _write_figure(folder / "figures", figure, plan.scale)
    lines = [read_lines(Path(name)) for name in (TABLE, HONEST_GAP, PROTOCOL_LADDER, COMPARISONS)]
    made, found = tables(plan, *lines), numbers(*lines)
    for table in made:
        write_text(folder / f"tables/{table.name}.tex", latex.table_text(table, plan.scale))
        write_text(folder / f"tables/{table.name}.md", markdown.table_text(table, plan.scale))
    write_text(folder / "numbers.tex", latex.numbers_text(found, plan.scale))
    write_text(folder / "numbers.md", markdown.numbers_text(found, plan.scale))
    first = next((number.name for number in found if {"value", "low"} <= number.values.keys()), "")
    captions = [(figure.name, figure.caption) for figure in drawn]
    write_text(folder / "all.tex", latex.document(captions, made, first))
    text = [f"# Figures\n\n{WORDS[plan.scale]}\n", *(f"- `{name}`: {caption}\n" for name, caption in captions)]
    write_text(folder / "figures.md", "".join(text))


def shown(plan: Plan, found: list[Figure]) -> Iterator[Figure]:
    """The figures that become files: of those of single groups only the headlines'."""
    headlines = {group.name for group in plan.headlines}
    return (figure for figure in found if figure.section not in _PER_GROUP or {*figure.groups} <= headlines)


def print_spec(figure: Figure, scale: str) -> dict[str, Any]:
    """A figure's specification for print: of fixed width with its labels, and with its title left to the caption."""
    own = {"height": CONFUSION} if figure.section == "confusion" else {}
    title = {"text": SYNTHETIC} if scale == "demo" else ""
    whole = {"type": "fit-x", "contains": "padding"}
    return {**figure.spec, **own, "width": WIDTH, "autosize": whole, "title": title}


def _write_figure(folder: Path, figure: Figure, scale: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    svg = vl_convert.vegalite_to_svg(print_spec(figure, scale), config=_look())
    points = _SIZE.sub(lambda size: f'{size[1]}="{float(size[2]) * _POINTS:g}"', svg, count=2)
    (folder / f"{figure.name}.pdf").write_bytes(vl_convert.svg_to_pdf(points))
    image = Image.open(io.BytesIO(vl_convert.svg_to_png(svg, scale=_PER_INCH / 96))).convert("RGB")
    image.quantize(_COLOURS, dither=Image.Dither.NONE).save(folder / f"{figure.name}.png", dpi=(_PER_INCH, _PER_INCH))


def _look() -> dict[str, Any]:
    """Of one font, which vl-convert has with it: with several, a PDF has other bytes each time."""
    look = config(font="Liberation Sans")
    return look | {"background": "white", "title": look["title"] | {"fontWeight": "normal", "fontSize": 12}}
