"""results/paper: what a manuscript takes compiles, is the same twice, and says at scale demo that it is synthetic."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from helpers.results import write_results
from helpers.runs import AsPlanned
from ser.paper.write import write_paper

VALUE = "paper/full/p/clean/WA/pooled"


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written twice, into `paper` and `again`."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        plan, places = write_results(folder)
        patch.chdir(folder)
        for name in ("paper", "again"):
            write_paper(folder / name, plan, places, AsPlanned())
    return folder / "paper"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_results_give_the_same_bytes(paper: Path) -> None:
    found = files(paper)
    assert found == files(paper.parent / "again")
    figures = {Path(name).stem for name in found if name.startswith("figures/")}
    assert {"claims-paper", "gap-paper", "ladder-paper-c-gains", "comparisons-paper-p-clean"} <= figures
    assert "curves-paper-full-p-clean" in figures
    tables = {"claims-paper", "values-paper-p", "honest_gap-paper", "protocol_ladder-paper-c"}
    tables |= {"comparisons-paper-p-clean"}
    assert {Path(name).stem for name in found if name.startswith("tables/")} == tables


def test_each_text_says_that_it_is_synthetic(paper: Path) -> None:
    for name, content in files(paper).items():
        if not name.startswith("figures/"):
            assert b"synthetic speech" in content, name


def test_figures_have_one_width_with_their_labels_and_no_more_colours_than_they_need(paper: Path) -> None:
    for path in (paper / "figures").glob("*.png"):
        with Image.open(path) as image:
            assert image.mode == "P" and image.width == 1500, path.name  # 12.7 cm at 300 pixels per inch
            n_high = image.height
        box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", path.with_suffix(".pdf").read_bytes())
        assert box and float(box[1]) == 360 and float(box[2]) == pytest.approx(n_high * 72 / 300, abs=0.5), path.name


def test_a_table_of_values_has_the_papers_own_averaging(paper: Path) -> None:
    lines = (paper / "tables/values-paper-p.md").read_text().splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    assert cells[0] == ["Row", "Selection", "WA", "UA", "macro\\_f1", "95 % of UA", "Seeds"]
    assert cells[2][:3] == ["The system", "clean", "55.00"] and cells[2][-1] == "2"
    assert cells[3][0] == "100 % of\\_it" and len(cells) == 4


def test_claims_do_not_say_twice_what_their_rows_have_in_common(paper: Path) -> None:
    lines = (paper / "tables/claims-paper.md").read_text().splitlines()
    cells = [line.strip("|").split("|") for line in lines if line.startswith("| ")]
    assert [[cell.strip() for cell in row[:4]] for row in cells if "---" not in row[0]] == [
        ["Row", "Protocol", "Metric", "Claim"], ["The system", "p", "WA", "70.5"], ["", "p", "UA", "70.5"],
    ]  # fmt: skip
    assert "Verdict" not in cells[0] and "The verdict on each is: not comparable." in lines


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex: texlive-latex-recommended has it")
def test_latex_sets_all_of_it_and_stops_at_an_unknown_number(paper: Path, tmp_path: Path) -> None:
    shutil.copytree(paper, tmp_path / "p")

    def sets(document: str) -> subprocess.CompletedProcess[str]:
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document]
        return subprocess.run(command, cwd=tmp_path / "p", capture_output=True, text=True, timeout=300, check=False)

    result = sets("all.tex")
    assert result.returncode == 0, result.stdout[-3000:]
    assert "numbers of synthetic speech" in result.stdout
    tables = "".join(
        rf"\begin{{table}} \caption{{.}} \input{{tables/{path.stem}}} \end{{table}}"
        for path in sorted((paper / "tables").glob("*.tex"))
    )
    head = r"\documentclass{article}\usepackage{booktabs,array,longtable}\begin{document}"
    (tmp_path / "p/tables.tex").write_text(head + tables + r"\end{document}")
    result = sets("tables.tex")
    assert result.returncode == 0 and "Overfull \\hbox" not in result.stdout, result.stdout[-3000:]
    uses = rf"\section{{\ser{{{VALUE}}}}} claim \serclaim{{{VALUE}}}, \serci{{{VALUE}}}, \serstd{{{VALUE}}}."
    for name, text in (("known", uses), ("unknown", r"\ser{paper/full/p/clean/WA/none}")):
        head = r"\documentclass{article}\input{numbers}\begin{document}\tableofcontents "
        (tmp_path / f"p/{name}.tex").write_text(head + text + r"\end{document}")
    assert sets("known.tex").returncode == 0
    assert sets("known.tex").returncode == 0, "with the table of contents, which the first has written"
    unknown = sets("unknown.tex")
    assert unknown.returncode != 0
    assert "no value of `paper/full/p/clean/WA/none'" in unknown.stdout
    if shutil.which("pdftotext"):
        shown = subprocess.run(["pdftotext", tmp_path / "p/known.pdf", "-"], capture_output=True, text=True, check=True)
        assert "55.00" in shown.stdout and "claim 70.5, [" in shown.stdout
        for path in (paper / "figures").glob("*.pdf"):
            text = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
            assert "demo: synthetic speech" in text, path.name
