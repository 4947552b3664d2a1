"""The report's page: all results as one HTML file that needs no server and no network.

What is bulky goes in compressed, as base64 of gzip, and the page's own code unpacks it when it is needed. DataTables
and Vega are the bundles that itables and vl-convert ship. Everything that is quoted is escaped: names of corpora,
classes and rows are a user's.
"""

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from ser.figures import theme
from ser.figures.figure import Figure
from ser.files import sha256_of
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import TABLE, Places
from ser.report.example import Example
from ser.report.overview import SOURCES, cell, choices, corpora, evidence, leaks, papers, skipped
from ser.report.provenance import provenance
from ser.results.lines import Line, read_lines

# Section -> its heading, and what is to be known before its figures are looked at.
SECTIONS = {
    "claims": ("Claims against values", "What papers state beside what was computed here, with 95 % intervals."),
    "gap": (
        "What choosing the epoch on test gains",
        "In its two parts: from choosing on the test part, and from training on the dev part as well.",
    ),
    "ladder": (
        "What a protocol is worth",
        "The same rows from random folds to speakers and texts apart, step by step.",
    ),
    "comparisons": (
        "Which rows differ",
        "Differences with intervals. Where a test has enough speakers, p is of the largest difference of a family, all "
        "comparisons of a protocol.",
    ),
    "confusion": ("Confusion matrices", "Which classes are taken for which, over all folds and seeds."),
    "curves": ("Training curves", "By epoch, with the spread over folds and seeds."),
    "speakers": (
        "Speakers and gender",
        "The same number for each tested speaker, and for women and men apart where the corpus says who is.",
    ),
    "counts": ("Counts per class and fold", "How many utterances of each class train, choose and test."),
}
SCRIPTS = ("data.js", "table.js", "provenance.js", "figures.js")


@dataclass(frozen=True)
class Content:
    """What the page is made of."""

    scale: str
    lines: Sequence[Line]
    verdicts: Mapping[str, int]
    table_sha256: str
    papers: Sequence[Any]
    choices: Sequence[Any]
    leaks: Sequence[Any]
    skipped: Sequence[tuple[str, list[str]]]
    provenance: dict[str, dict[str, Any]]
    figures: Sequence[Figure] = ()
    examples: Sequence[Example] = ()
    without: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        plan: Plan,
        places: Places,
        made_from: MadeFrom,
        figures: Iterable[Figure],
        examples: Sequence[Example],
        without: Mapping[str, str],
    ) -> "Content":
        """Of a finished build; `without`: why a system has no examples that could have some.

        Raises InputError for artifacts that are missing or not as they were written.
        """
        lines = read_lines(Path(TABLE))
        return cls(
            scale=plan.scale,
            lines=lines,
            verdicts=Counter(line["verdict"] for line in lines if line["claim"]),
            table_sha256=sha256_of(TABLE),
            papers=list(papers(plan, lines)),
            choices=list(choices(plan)),
            leaks=list(leaks(plan, places)),
            skipped=skipped(plan, lines),
            provenance=provenance(plan, places, made_from),
            figures=list(figures),
            examples=examples,
            without=without,
        )


def page(content: Content) -> str:
    """The page as HTML, the same for the same content."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template.filters["breakable"] = _breakable
    text = template.from_string(_file("page.html")).render(
        content=content,
        sections=[(name, *words) for name, words in SECTIONS.items() if _figures(content, name)],
        are_papers=any(paper["is_paper"] for paper in content.papers),
        corpora=corpora(content.lines),
        sources=SOURCES,
        version=version("ser"),
        data_uri=_data_uri,
        style=_file("page.css"),
        scripts=[*_libraries(), "\n".join(map(_file, SCRIPTS))],
        data=dict(_data(content)),
    )
    return _utf8(text).decode()


def _data(content: Content) -> Iterable[tuple[str, str]]:
    """Name -> compressed JSON."""
    columns = [*(content.lines[0] if content.lines else ()), "evidence", "cell", "title", "own"]
    lines = [
        [
            *line.values(),
            evidence(line),
            cell(line),
            content.provenance[line["run_group"]]["title"],
            _is_own(content, line),
        ]
        for line in content.lines
    ]
    yield "table", _packed({"columns": columns, "lines": lines})
    yield "provenance", _packed(content.provenance)
    index = [
        {"name": of.name, "section": of.section, "title": of.title, "caption": of.caption, "groups": of.groups}
        for of in content.figures
    ]
    yield "figures", _packed(index)
    yield "themes", _packed({"light": theme.config(), "dark": theme.config(dark=True)})
    for name in SECTIONS:
        if found := _figures(content, name):
            yield f"figures-{name}", _packed({of.name: of.spec for of in found})


def _is_own(content: Content, line: Line) -> bool:
    """Whether the line has the averaging that its protocol uses."""
    own: bool = line["aggregation"] == content.provenance[line["run_group"]]["aggregation"]
    return own


def _figures(content: Content, section: str) -> list[Figure]:
    return [figure for figure in content.figures if figure.section == section]


def _libraries() -> list[str]:
    """The modules of DataTables and Vega, which leave what they offer in `window`."""
    import itables
    import vl_convert

    bundle = (Path(itables.__file__).parent / "html" / "dt_bundle.js").read_text(encoding="utf-8")
    tables, found = re.subn(r"\bexport\s*\{([^{}]*)\};?", _kept, bundle)
    if found != 1:
        raise RuntimeError("itables' bundle of DataTables does not say once what it exports, as it did")
    drawing: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub knows no default
    return [_inline(tables), _inline(drawing)]


def _kept(exports: re.Match[str]) -> str:
    """A page cannot import a module that is written into it: what it exports goes into `window.tables`."""
    pairs = [names.split(" as ") for names in exports[1].split(",")]
    return "window.tables={" + ",".join(f"{names[-1].strip()}:{names[0].strip()}" for names in pairs) + "};"


def _inline(script: str) -> str:
    """A script as it may stand in a page: nothing in it ends or comments out the element that holds it."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _packed(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(_utf8(text), 9, mtime=0)).decode("ascii")


def _breakable(text: str) -> Any:
    """A name that may be broken after its underscores and strokes."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split(r"(?<=[_/])", str(text)))


def _utf8(text: str) -> bytes:
    """Names of files that are not UTF-8 are escaped, as they are in JSON."""
    return text.encode("utf-8", "backslashreplace")


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def _file(name: str) -> str:
    return files("ser.report").joinpath(name).read_text(encoding="utf-8")
