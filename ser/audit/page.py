"""The audit as one HTML file that needs nothing else: for a review, on a screen or printed."""

from collections.abc import Iterable, Mapping
from html import escape
from string import Template
from typing import Any

from ser.audit.audit import claim_rows, example_of, metric_rows, verdict
from ser.evaluations.names import rounded

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit of $split</title>
<style>
  body { font: 16px/1.5 Georgia, serif; color: #1a1a1a; background: #fff; max-width: 54rem; margin: 2rem auto;
         padding: 0 1rem; }
  h1 { font-size: 1.6rem; margin-bottom: .3rem; }
  h2 { font-size: 1.15rem; margin: 1.8rem 0 .4rem; border-bottom: 1px solid #bbb; }
  table { border-collapse: collapse; width: 100%; margin-bottom: 1.2rem; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; vertical-align: top; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid #ddd; }
  th { font-weight: 600; }
  code { font: .85em/1.4 Menlo, Consolas, monospace; overflow-wrap: anywhere; }
  .verdict { font-size: 1.1rem; padding: .6rem .9rem; border-left: .4rem solid; }
  .wrong { border-color: #a51d2d; background: #fbecee; }
  .sound { border-color: #1b6e3c; background: #eaf5ee; }
  .names { color: #555; font-size: .85rem; overflow-wrap: anywhere; }
  footer { margin-top: 2rem; color: #555; font-size: .85rem; }
  @media print { body { font-size: 11pt; margin: 0; max-width: none; } tr, li { break-inside: avoid; }
                 .wrong, .sound { background: none; } }
</style>
</head>
<body>
<h1>Audit of <code>$split</code></h1>
<p class="verdict $kind">$verdict.</p>
$sections
<footer>$about</footer>
</body>
</html>
""")


def page(report: Mapping[str, Any]) -> str:
    """The report (`audit.audit`) as HTML. All that it quotes is escaped; it loads nothing and runs nothing."""
    return _PAGE.substitute(
        split=escape(report["split"]["path"]),
        verdict=escape(verdict(report)),
        kind="wrong" if report["findings"] else "sound",
        sections="\n".join(_sections(report)),
        about=escape(_about(report)),
    )


def _sections(report: Mapping[str, Any]) -> Iterable[str]:
    if report["findings"]:
        yield "<h2>What is wrong</h2>"
        cells = (
            (_text(of["text"]), f'<span class="names">{_text(example_of(of))}</span>') for of in report["findings"]
        )
        yield _table(("finding", "for example"), cells)
    if report["numbers"]:
        yield from _numbers(report)
    if report["notes"]:
        yield f"<h2>What to know</h2>\n{_list(report['notes'])}"
    if report["not_checked"]:
        yield f"<h2>What could not be checked</h2>\n{_list(report['not_checked'])}"
    yield "<h2>The folds</h2>\n<p>Utterances and, after the stroke, speakers.</p>"
    yield _table(("fold", "train", "dev", "test"), (tuple(map(_text, _size(of))) for of in report["sizes"]))
    yield "<h2>The files</h2>"
    files = ((kind, report[kind]) for kind in ("manifest", "split", "predictions") if report[kind])
    rows = ((kind, f"<code>{_text(of['path'])}</code>", f"<code>{of.get('sha256', '')}</code>") for kind, of in files)
    yield _table(("", "path", "SHA-256"), rows)


def _numbers(report: Mapping[str, Any]) -> Iterable[str]:
    found = report["numbers"]
    yield "<h2>The numbers, recomputed</h2>"
    yield f"<p>With 95 % intervals, over other {_text(found['clusters'])}s.</p>"
    rows = [tuple(map(_text, row)) for row in metric_rows(report)]
    shown = slice(5 if any(row[4] for row in rows) else 4)
    header = ("metric", "average", "value", "95 % interval", "note")
    yield _table(header[shown], [row[shown] for row in rows])
    if found["claims"]:
        yield _table(("metric", "claimed", ""), (tuple(map(_text, row)) for row in claim_rows(report)))
    metrics = [name for name in found["folds"][0] if name != "fold"]
    each = (
        (_text(of["fold"]), *(_text(rounded(of[name], name) or "undefined") for name in metrics))
        for of in found["folds"]
    )
    yield "<p>Fold by fold:</p>"
    yield _table(("fold", *metrics), each)


def _size(sizes: Mapping[str, Any]) -> Iterable[str]:
    yield sizes["fold"]
    for part in ("train", "dev", "test"):
        yield f"{sizes[part]['utterances']} / {sizes[part]['speakers']}"


def _about(report: Mapping[str, Any]) -> str:
    by = report["manifest"]["recordings_told_apart_by"]
    audio = f" Recordings were told apart by {by}." if by else ""
    return f"Made by ser {report['ser']} at {report['checked_at']}.{audio}"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """`rows` are HTML."""
    head = "".join(f"<th>{_text(name)}</th>" for name in header)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _list(lines: Iterable[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{_text(line)}</li>" for line in lines) + "\n</ul>"


def _text(text: str) -> str:
    return escape(str(text))
