"""LaTeX: text that means itself, tables with booktabs, numbers as macros."""

import re
import unicodedata
from collections.abc import Sequence

from ser.figures.spec import SYNTHETIC, WORDS
from ser.paper.numbers import VARIANTS, Number
from ser.paper.tables import Column, Table

LONG = 30  # rows: of more, a table may break over pages
_WORDS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "·": r"\textperiodcentered{}",
    "\u00d7": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "°": r"\textdegree{}",
    "\u2212": r"\ensuremath{-}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "\u2013": "--",
    "\u2014": "---",
    "\u2019": "'",
    "\u2018": "`",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
} | {character: f"\\{character}" for character in "{}$&#%_"}
_ACCENTS = {*"\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327"}
_LETTERS = {*"ßæœøåłÆŒØÅŁ"}
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")
_COLUMNS = {"long": r">{\raggedright\arraybackslash\hspace{0pt}}p{%.2f\linewidth}", "word": "l", "number": "r"}
_LETTER, _BETWEEN = 0.0123, 0.0175  # of a line of LaTeX's article, 345 pt: a letter of 8 pt, and between two columns
_NARROW = 0.13  # of a line: what a column of long text has at least, if it needs it
_INNER = re.compile(r"(\\_|(?<=\w)-)(?=\w)")  # behind it LaTeX breaks no line by itself
_MACROS = r"""\makeatletter
\newcommand*\ser@set[7]{%
  \ser@one{value}{#1}{#2}\ser@one{low}{#1}{#3}\ser@one{high}{#1}{#4}%
  \ser@one{claim}{#1}{#5}\ser@one{std}{#1}{#6}\ser@one{p}{#1}{#7}}
\newcommand*\ser@one[3]{\if\relax\detokenize{#3}\relax\else
  \expandafter\def\csname ser@#1@\detokenize{#2}\endcsname{#3}\fi}
\newcommand*\ser@get[2]{\@ifundefined{ser@#1@\detokenize{#2}}%
  {\PackageError{ser}{no #1 of `\detokenize{#2}'}{numbers.md lists what there is.}\textbf{??}}%
  {\csname ser@#1@\detokenize{#2}\endcsname}}
\DeclareRobustCommand*\ser[1]{\ser@get{value}{#1}}
\DeclareRobustCommand*\serlow[1]{\ser@get{low}{#1}}
\DeclareRobustCommand*\serhigh[1]{\ser@get{high}{#1}}
\DeclareRobustCommand*\serclaim[1]{\ser@get{claim}{#1}}
\DeclareRobustCommand*\serstd[1]{\ser@get{std}{#1}}
\DeclareRobustCommand*\serp[1]{\ser@get{p}{#1}}
\DeclareRobustCommand*\serci[1]{[\ser@get{low}{#1}, \ser@get{high}{#1}]}
"""


def escaped(text: str) -> str:
    """Text of one line as LaTeX sets it, with any engine; a minus before a number is one.

    A character that pdfTeX's fonts lack is written as its code, because it would stop LaTeX.
    """
    found = _MINUS.sub("\u2212", " ".join(text.split()))
    return "".join(_WORDS.get(character) or _letter(character) for character in found)


def table_text(table: Table, scale: str) -> str:
    """A tabular, to be put by `input` into a float, or where it is long a longtable, which stands alone. It is set
    small, as wide as a line of LaTeX's article at most, unless its words are very long.
    """
    n = len(table.columns)
    environment = "longtable" if len(table.rows) > LONG else "tabular"
    head = [r"\toprule", _row(table.columns, [column.title for column in table.columns]), r"\midrule"]
    if environment == "longtable":
        head += [r"\endhead"]
    synthetic = [rf"\multicolumn{{{n}}}{{@{{}}l@{{}}}}{{\emph{{{SYNTHETIC}}}}} \\"] if scale == "demo" else []
    notes = [rf"\multicolumn{{{n}}}{{@{{}}p{{\linewidth}}@{{}}}}{{{escaped(note)}}} \\" for note in table.notes]
    lines = [
        _comment(table.caption),
        f"% Needs booktabs, array{' and longtable' if environment == 'longtable' else ''}.",
        r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}%",
        rf"\begin{{{environment}}}{{{_columns(table)}}}",
        *head,
        *(_row(table.columns, row) for row in table.rows),
        r"\bottomrule",
        *synthetic,
        *notes,
        rf"\end{{{environment}}}\par\endgroup",
    ]
    return "\n".join(lines) + "\n"


def numbers_text(found: Sequence[Number], scale: str) -> str:
    """The macros of all numbers, `ser` with a name and its kin; LaTeX stops at a name that there is not."""
    lines = [_comment(f"Numbers for \\ser{{name}}; numbers.md lists them. {WORDS[scale]}"), _MACROS.rstrip()]
    for number in found:
        values = "".join(f"{{{escaped(number.values.get(variant, ''))}}}" for variant in VARIANTS)
        lines.append(rf"\ser@set{{{number.name}}}{values}")
    if scale == "demo":
        lines.append(r"\PackageWarningNoLine{ser}{numbers of synthetic speech (scale demo): they say nothing}")
    return "\n".join([*lines, r"\makeatother"]) + "\n"


def document(figures: Sequence[tuple[str, str]], tables: Sequence[Table], number: str) -> str:
    """A document that shows everything: `figures` are names with captions; `number` is the name of one of them all."""
    lines = [
        r"\documentclass[a4paper]{article}",
        r"\usepackage[margin=2cm]{geometry}",
        r"\usepackage{graphicx,booktabs,array,longtable}",
        r"\input{numbers}",
        r"\begin{document}",
        rf"\noindent\verb|\ser{{{number}}}| prints \ser{{{number}}},\\",
        rf"\verb|\serci{{{number}}}| prints \serci{{{number}}}.",
    ]
    for table in tables:
        together = (
            (r"\noindent\begin{minipage}{\linewidth}", r"\end{minipage}") if len(table.rows) <= LONG else ("", "")
        )
        lines += [
            rf"\par\bigskip{together[0]}\noindent {escaped(table.caption)}\par\nopagebreak\medskip",
            rf"\noindent\input{{tables/{table.name}}}{together[1]}",
        ]
    for name, caption in figures:
        lines += [
            r"\begin{center}",
            rf"\includegraphics[width=0.75\linewidth,height=0.85\textheight,keepaspectratio]{{figures/{name}}}",
            rf"\par\nopagebreak\small {escaped(caption)}",
            r"\end{center}",
        ]
    return "\n".join([*lines, r"\end{document}"]) + "\n"


def _row(columns: Sequence[Column], cells: Sequence[str]) -> str:
    """A line of a table; in a column whose text may be broken it is so behind an underscore, too."""
    texts = map(escaped, cells)
    pairs = zip(columns, texts, strict=True)
    return " & ".join(_INNER.sub(r"\1\\hspace{0pt}", t) if c.kind == "long" else t for c, t in pairs) + r" \\"


def _columns(table: Table) -> str:
    """Columns with long text share what the others leave of a line; each has at most what it needs."""
    columns = [*zip(*([column.title for column in table.columns], *table.rows), strict=True)]
    needs = [_LETTER * (max(map(len, texts)) + 1) for texts in columns]
    long = sorted((n for n, column in enumerate(table.columns) if column.kind == "long"), key=lambda n: needs[n])
    left = 1 - _BETWEEN * (len(columns) - 1) - (sum(needs) - sum(needs[n] for n in long))
    found = [_COLUMNS[column.kind] for column in table.columns]
    for n_others, n in zip(range(len(long), 0, -1), long, strict=True):
        width = min(needs[n] + 2 * _LETTER, max(_NARROW, left / n_others))
        left -= width
        found[n] %= width
    return rf"@{{}}{''.join(found)}@{{}}"


def _comment(text: str) -> str:
    return f"% {' '.join(text.split())}"


def _letter(character: str) -> str:
    base, *accents = [*unicodedata.normalize("NFD", character)]
    is_there = character in _LETTERS or (base.isascii() and {*accents} <= _ACCENTS)
    return character if is_there else f"[U+{ord(character):04X}]"
