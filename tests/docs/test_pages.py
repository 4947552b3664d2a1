"""What the documents say is so: parameters plan what they promise, messages are the code's, pictures are made anew."""

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from generate import papers, pictures
from helpers import ROOT
from helpers.params import params
from ser.encoders.checkpoint import checkpoint_files
from ser.encoders.demo import write_encoder
from ser.encoders.published import ENCODERS
from ser.plan.experiments import read_experiments
from ser.plan.groups import Group
from ser.plan.load import load_plan


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of a page's tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]


def test_readme_is_two_screens_and_its_values_are_those_of_the_results() -> None:
    text = text_of("README.md")
    assert len(text.splitlines()) <= 110
    results = {row[0]: row[1:3] for row in reversed(rows(text_of("docs/results.md").partition("###")[0]))}
    shown = rows(text.partition("## Results so far")[2].partition("## ")[0])[1:]
    assert len(shown) == 7
    for row, *values in shown:
        assert values == results[row]
    assert all(value in text_of("docs/results.md") for value in re.findall(r"gives? (\d\d\.\d)", text))


# The tutorial


BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text_of("docs/tutorial.md"), re.DOTALL)]


def planned(own: dict[str, Any], tmp_path: Path, **changes: Any) -> list[Group]:
    root = tmp_path / "IEMOCAP_full_release"
    root.mkdir(exist_ok=True)
    own = own | {"corpora": {"iemocap": {"root": str(root)}}} | changes
    return list(load_plan(params() | own, ROOT).live)


def test_the_tutorials_first_step_is_two_rows_that_need_nothing_else(tmp_path: Path) -> None:
    groups = planned(BLOCKS[0], tmp_path)
    assert {group.row for group in groups} == {"majority", "functionals_svm"}
    assert {group.corpus for group in groups} == {"iemocap"} and len(groups) == 2 * 4
    assert not any(group.checkpoints for group in groups)


def test_its_paper_without_a_checkpoint_has_no_claimed_number_and_the_next_has_one(tmp_path: Path) -> None:
    groups = planned(BLOCKS[1], tmp_path)
    assert {group.experiment for group in groups} == {"fair", "tf_transformer"}
    claims = {name: experiment["claims"] for name, experiment in read_experiments(ROOT).items()}
    assert not any(claim["value"] for claim in claims["tf_transformer"])
    assert any(claim["value"] for claim in claims["mfhca"] if claim["row"] == "full")
    assert BLOCKS[2]["experiments"] == {"mfhca": ["full"]}


def test_its_checkpoints_are_those_of_the_rows(tmp_path: Path) -> None:
    asked: dict[str, set[str]] = {}
    for group in load_plan(params() | {"scale": "paper"}, ROOT).groups:
        if group.corpus == "iemocap":
            asked.setdefault(group.experiment, set()).update(group.checkpoints)
    told = {row[0].strip("`"): {*re.findall(r"`(\w+)`", row[1])} for row in rows(text_of("docs/tutorial.md"))[1:]}
    for name in ("mfhca", "ca_mser", "attention_fcn"):
        assert told[name] == {encoder for encoder in asked[name] if not encoder.endswith("_tiny")}
    assert len(asked["superb_er"]) == 7
    assert set(BLOCKS[2]["encoders"]) == {"hubert_base", "wav2vec2_base_960h", "alexnet"}


def test_its_costs_are_about_those_of_the_page_about_them() -> None:
    """Within a twentieth: that page is written anew when a unit cost is measured again."""
    costs = {row[0]: row[1:] for row in rows(text_of("docs/scaling.md"))}
    runs, a100, h200, _, stores, weights = costs["iemocap"]
    measured = [
        *re.findall(r"\d+", costs["one seed of all rows on IEMOCAP"][0])[::2],
        a100,
        h200,
        stores,
        weights,
        runs,
    ]
    text = text_of("docs/tutorial.md").partition("## 7.")[2]
    told = re.findall(r"one seed .*? (\d+) hours .* or (\d+) of.*\n.*?five .*? ([\d,]+) hours .* or (\d+) of", text)[0]
    told += re.findall(r"(\d+) GB of stores, (\d+) GB", text)[0] + tuple(re.findall(r"about ([\d,]+)\sruns", text))
    assert [float(number.replace(",", "")) for number in told] == [
        pytest.approx(float(number.replace(",", "")), rel=0.05) for number in measured
    ]


def test_how_a_published_encoder_becomes_a_folder(tmp_path: Path) -> None:
    """Word for word, with a local checkpoint in place of the published one."""
    write_encoder("hubert_base", tmp_path / "published", 1)
    text = text_of("docs/encoders.md")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    code = code.replace("facebook/hubert-base-ls960", str(tmp_path / "published"))
    exec(code.replace("/data/hubert_base", str(tmp_path / "folder")))
    assert checkpoint_files(tmp_path / "folder")
    published = text_of("ser/encoders/published.py")
    named = {row[0].strip("`"): row[1].strip("`") for row in rows(text)[1:]}
    assert named.keys() == {name for name in ENCODERS if not name.endswith("_tiny")}
    assert all(address in published for address in named.values())


# Messages


def messages() -> list[str]:
    """The texts of the code, with `{}` for what is filled in."""
    found = []
    for path in [*(ROOT / "ser").rglob("*.py"), *(ROOT / "workflow_scripts").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return [*found, *((ROOT / f"rules/{name}.smk").read_text(encoding="utf-8") for name in ("common", "cluster"))]


def quoted() -> list[str]:
    """The messages that the page quotes: first cells, but for what is seen while setting up; and the cluster's."""
    text = text_of("docs/troubleshooting.md").partition("## Before anything is computed")[2]
    cells = [row[0] for row in rows(text)]
    cluster = text.partition("## On a cluster")[2].partition("what they mean")[0]
    return [quote for cell in [*cells, cluster] for quote in re.findall(r"`([^`]+)`", cell)]


def test_the_messages_that_are_explained_are_the_codes() -> None:
    known = messages()
    assert len(quoted()) > 35
    for quote in quoted():
        pieces = [re.escape(piece.strip(" ")) for piece in re.split(r"\.\.\.(?!\.)", quote) if piece.strip(" :;,")]
        pattern = re.compile(".*".join(pieces), re.DOTALL)
        assert any(pattern.search(message) for message in known), quote


# What is made from code


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_is_what_the_code_of_splits_says_today(name: str) -> None:
    assert (pictures.FOLDER / f"protocol_{name}.svg").read_text() == pictures.svg(pictures.PICTURES[name])


def test_pictures_show_parts_as_they_are() -> None:
    """Leaving one session out: each utterance is tested once, and the next session chooses."""
    fields, selection, seed = pictures.PICTURES["leave_one_out"][2][1:]
    found = pictures.stretches(fields, selection, seed)
    tested = [(one["left"], one["right"]) for one in found if one["part"] == "test"]
    assert tested[0][0] == 0 and tested[-1][1] == 40 and all(a[1] == b[0] for a, b in pairwise(tested))
    assert [one["left"] for one in found if one["fold"] == 1 and one["part"] == "dev"] == [8, 12]


@pytest.fixture(scope="module")
def paper_pages() -> dict[str, str]:
    return papers.pages(ROOT, params())


def test_a_papers_page_has_its_claims_with_tier_and_source(paper_pages: dict[str, str]) -> None:
    for name, experiment in read_experiments(ROOT).items():
        page = paper_pages[name].partition("## Rows")[0]
        lines, claims = rows(page), page.partition("## Published by others")[0]
        sources = dict(re.findall(r"^(\d+)\. `\w+`: (.+)$", claims, re.MULTILINE))
        for claim in experiment["claims"]:
            value = "not known" if claim["value"] is None else str(claim["value"])
            under = f"`{claim['protocol']}`" + (f", {claim['part']}" if "part" in claim else "")
            line = next(
                line
                for line in lines
                if line[:5] == [f"`{claim['row']}`", claim["metric"], value, claim["evidence"], under]
            )
            assert sources[re.search(r"source (\d+)", line[-1])[1]] == claim["source"]


def test_and_its_rows_with_settings_and_sources_and_its_protocols(paper_pages: dict[str, str]) -> None:
    page = paper_pages["mfhca"]
    full, without = page.partition("### `full`")[2].split("### `")[:2]
    assert ["`learning_rate`", "`1.0e-05`", "code", ""] in rows(full)
    assert ["`multi_spatial_fusion`", "`true`", "paper", ""] in rows(full)
    assert rows(without)[1:] == [
        ["`multi_spatial_fusion`", "`false`", "chosen", ""],
        ["feature `spectrogram`", "none", "", ""],
    ]
    plan = load_plan(params() | {"scale": "paper"}, ROOT)
    for group in plan.groups:
        page = paper_pages[group.experiment]
        assert f"### `{group.row}`: " in page and f"`{group.protocol.digest(group.selection)}`" in page
