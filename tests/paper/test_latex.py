"""LaTeX and Markdown: exactly what is written, and that words of users cannot break it."""

from ser.paper import latex, markdown
from ser.paper.numbers import Number, numbers
from ser.paper.tables import Column, Table

SMALL = Table(
    "t",
    "100 % of a & b.",
    (Column("Row", "long"), Column("a_b", "word"), Column("Value", "number")),
    (("R&D | x_y", "t_1", "-1.50"), ("é", "", "")),
    ("(1) where",),
)


def test_text_means_itself() -> None:
    assert latex.escaped("50 % of a_b & {c} #1 $2 ~x^2 \\d") == (
        r"50 \% of a\_b \& \{c\} \#1 \$2 \textasciitilde{}x\textasciicircum{}2 \textbackslash{}d"
    )
    assert latex.escaped("[-0.5, 1.2] of wav2vec-2 \u2212 2") == (
        r"[\ensuremath{-}0.5, 1.2] of wav2vec-2 \ensuremath{-} 2"
    )
    assert latex.escaped("Jané\nŁukasz 你") == "Jané Łukasz [U+4F60]"


def test_a_table_says_at_scale_demo_that_it_is_synthetic() -> None:
    assert latex.table_text(SMALL, "demo").splitlines() == [
        "% 100 % of a & b.",
        "% Needs booktabs, array.",
        r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}%",
        r"\begin{tabular}{@{}>{\raggedright\arraybackslash\hspace{0pt}}p{0.15\linewidth}lr@{}}",
        r"\toprule",
        r"Row & a\_b & Value \\",
        r"\midrule",
        r"R\&D \textbar{} x\_\hspace{0pt}y & t\_1 & \ensuremath{-}1.50 \\",
        r"é &  &  \\",
        r"\bottomrule",
        r"\multicolumn{3}{@{}l@{}}{\emph{demo: synthetic speech}} \\",
        r"\multicolumn{3}{@{}p{\linewidth}@{}}{(1) where} \\",
        r"\end{tabular}\par\endgroup",
    ]
    assert "synthetic" not in latex.table_text(SMALL, "paper")
    assert markdown.table_text(SMALL, "demo").splitlines() == [
        "100 % of a & b.",
        "",
        "*demo: synthetic speech*",
        "",
        "| Row | a\\_b | Value |",
        "| --- | --- | ---: |",
        "| R&D \\| x\\_y | t\\_1 | -1.50 |",
        "| é |  |  |",
        "",
        "(1) where",
    ]


def test_a_long_table_may_break() -> None:
    many = Table("t", "", SMALL.columns, SMALL.rows * 16)
    text = latex.table_text(many, "paper")
    assert r"\begin{longtable}" in text and r"\endhead" in text and text.count(r" \\") == 33


def test_every_number_has_a_name_and_a_line() -> None:
    of_part = {"folds": "official: test1", "metric": "UA", "aggregation": "pooled", "ci_low": "", "ci_high": ""}
    line = of_part | {"run_group": "e/r/p/clean", "value": "61.50", "claim": "", "seed_std": "0.20"}
    step = {"experiment": "e", "row": "r", "ladder": "l", "step": "a", "against": "b", "metric": "UA", "value": "1"}
    step |= {"ci_low": "", "ci_high": "", "seed_std": "", "gain": "2", "gain_seed_std": ""}
    step |= {"gain_ci_low": "-1", "gain_ci_high": "5"}
    found = numbers([line, line | {"value": "", "seed_std": ""}], [], [step, step | {"against": "c"}], [])
    assert found == [
        Number("e/r/p/clean/test1/UA/pooled", {"value": "61.50", "std": "0.20"}),
        Number("protocol_ladder/e/r/l/a/UA", {"value": "1"}),
        Number("protocol_ladder/e/r/l/a/b/UA", {"value": "2", "low": "-1", "high": "5"}),
        Number("protocol_ladder/e/r/l/a/c/UA", {"value": "2", "low": "-1", "high": "5"}),
    ]
    text = latex.numbers_text(found, "paper")
    assert r"\ser@set{e/r/p/clean/test1/UA/pooled}{61.50}{}{}{}{0.20}{}" in text.splitlines()
    assert r"\ser@set{protocol_ladder/e/r/l/a/b/UA}{2}{\ensuremath{-}1}{5}{}{}{}" in text.splitlines()
    assert "| `e/r/p/clean/test1/UA/pooled` | 61.50 |  |  |  | 0.20 |  |" in markdown.numbers_text(found, "paper")
