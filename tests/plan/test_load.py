"""The parameters of a plan: what is refused, in one line, before any job starts; the project's own files are valid."""

from pathlib import Path
from typing import Any

import pytest

from helpers import ROOT
from helpers.params import params
from helpers.plans import changed, plan
from ser.encoders.demo import write_encoder
from ser.errors import InputError
from ser.plan.load import load_plan, read_params


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"scale": "papr"}, "scale: 'papr' is not one of demo, free, paper"),
        ({"seeds": [1]}, "unknown key 'seeds'"),
        ({"experiments": {"oen": "all"}}, "unknown 'oen': did you mean 'one'"),
        ({"experiments": {"one": ["ful"]}}, "experiments.one: unknown 'ful': did you mean 'full'"),
        (
            {"compute": params()["compute"] | {"device": "gpu"}},
            "'gpu' is not one of auto, cpu, cuda",
        ),
        (
            {"compute": params()["compute"] | {"threads": 0}},
            "compute.threads: 0 is out of range: it must be >= 1",
        ),
        ({"demo_seed": 2**32}, "demo_seed: 4294967296 is out of range: it must be >= 0 and <= 4294967295"),
        ({"scale": "x" * 10_000}, "scale: 'xxx"),
        (
            {"corpora": {"emodb": {"root": "/no/such/folder"}}},
            "corpora.emodb.root: no such folder: /no/such/folder",
        ),
        (
            {"encoders": {"hubert_base": "/tmp"}},
            "encoders.hubert_base: /tmp: not a complete checkpoint: no config.json",
        ),
        (
            {"encoders": {"hubert_base": "a{x}"}},
            "encoders.hubert_base: a{x}: a path with { or }: rename the folder, or name a link to it",
        ),
    ],
)
def test_wrong_parameters_are_refused_by_name(project: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        plan(project, **params)
    assert message in str(error.value) and str(error.value).startswith("params.yaml") and "\n" not in str(error.value)


def scale(name: str, *corpora: str) -> dict[str, Any]:
    scales = params()["scales"]
    return {"scale": name, "scales": scales | {name: scales[name] | {"corpora": list(corpora)}}}


def test_the_corpora_of_a_scale_must_exist(project: Path) -> None:
    for changes, message in [
        (scale("demo", "caisa"), "scales.demo.corpora: unknown 'caisa': did you mean 'casia'"),
        (scale("demo", "emodb"), "scales.demo.corpora: emodb has no demo (no ser/corpora/demo/emodb.py)"),
        (
            scale("free", "mine") | {"corpora": {"mine": {"root": str(project)}}},
            "corpora.mine: no ser/corpora/mine.py: name a CSV file in `manifest`",
        ),
    ]:
        with pytest.raises(InputError) as error:
            plan(project, **changes)
        assert message in str(error.value)


def test_a_brought_corpus_that_no_protocol_reads_is_refused(project: Path) -> None:
    (project / "mine.csv").touch()
    mine = {"root": str(project), "manifest": str(project / "mine.csv")}
    corpora = {"mine": mine}
    with pytest.raises(InputError, match="params.yaml: corpora.mine: no protocol reads it"):
        plan(project, **scale("free", "mine", "emodb") | {"corpora": corpora})


def test_a_checkpoint_under_another_ones_name_is_refused(project: Path, tmp_path: Path) -> None:
    write_encoder("wavlm_base", tmp_path / "checkpoint", seed=1)
    with pytest.raises(InputError) as error:
        plan(project, encoders={"hubert_large": str(tmp_path / "checkpoint")})
    assert str(error.value).startswith("params.yaml: encoders.hubert_large: ") and "\n" not in str(error.value)
    assert "this is wavlm with a front end normalised per group, but hubert_large is hubert with" in str(error.value)
    plan(project, encoders={"wavlm_base": str(tmp_path / "checkpoint")})


def test_the_projects_own_files_are_valid() -> None:
    groups = load_plan(params(), ROOT).groups
    assert {group.experiment for group in groups} == {path.stem for path in (ROOT / "experiments").glob("*.yaml")}


def test_a_machines_own_entries_hold_key_by_key(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("scale: demo\nexperiments: all\ncompute: {device: auto, threads: 1}\n")
    assert read_params(tmp_path)["compute"] == {"device": "auto", "threads": 1}
    own = tmp_path / "params.local.yaml"
    own.write_text("scale: free\nexperiments: {fair: [majority]}\ncompute: {threads: 4}\n")
    assert read_params(tmp_path) == {
        "scale": "free",
        "experiments": {"fair": ["majority"]},
        "compute": {"device": "auto", "threads": 4},
    }
    own.write_text("# nothing yet\n")
    assert read_params(tmp_path)["scale"] == "demo"
    assert read_params(tmp_path, {"compute": {"threads": 2}})["compute"] == {"device": "auto", "threads": 2}
    own.write_text("- scale\n")
    with pytest.raises(InputError, match="params.local.yaml: not a mapping"):
        read_params(tmp_path)


def test_a_message_names_the_file_that_sets_the_entry(project: Path) -> None:
    gone = {"corpora": {"emodb": {"root": "/no/such/folder"}}}
    (project / "params.local.yaml").write_text("corpora: {emodb: {root: /no/such/folder}}\n")
    with pytest.raises(InputError) as error:
        plan(project, **gone)
    assert str(error.value) == "params.local.yaml: corpora.emodb.root: no such folder: /no/such/folder"
    (project / "params.local.yaml").write_text("corpora: {iemocap: {root: /tmp}}\n")
    with pytest.raises(InputError) as error:
        plan(project, **gone)
    assert str(error.value) == "params.yaml: corpora.emodb.root: no such folder: /no/such/folder"


def test_a_corpus_that_is_named_needs_no_scale_to_list_it(project: Path) -> None:
    (project / "mine.csv").touch()
    corpora = {"mine": {"root": str(project), "manifest": str(project / "mine.csv")}}
    experiment = changed("protocols.emodb_2.corpus", "mine")
    assert not any(group.skipped for group in plan(project, experiment, corpora=corpora).groups)
    assert "corpus mine is not part of scale demo" in plan(project, experiment, scale="demo").groups[0].skipped


def test_a_protocol_of_a_corpus_that_others_have_is_skipped(project: Path) -> None:
    groups = plan(project, changed("protocols.emodb_2.corpus", "somebody_elses"), corpora={}).groups
    mend = "add it to scales.free.corpora in params.yaml, or use scale free"
    assert {group.skipped for group in groups} == {f"corpus somebody_elses is not part of scale free: {mend}"}


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("scale: fre", "scale: 'fre' is not one of demo, free, paper"),
        ("experiments: fair", "experiments: 'fair' is not all: write it like {mine: all}"),
        (
            "corpora: {emodb: /data}",
            "corpora.emodb: '/data' is not a mapping (key: value): write it like {root: /data/emodb}",
        ),
        ("corpora: {Mine: {root: x}}", "corpora: 'Mine': write it like mine_2: small letters, digits and _"),
    ],
)
def test_what_is_wrong_in_ones_own_parameters_is_not_looked_for_in_the_others(
    project: Path, own: str, told: str
) -> None:
    (project / "params.local.yaml").write_text(own)
    with pytest.raises(InputError) as error:
        plan(project)
    assert str(error.value) == f"params.local.yaml: {told}"
    (project / "params.local.yaml").write_text("corpora: {emodb: {on_unreadable: exclude}}")  # its root is in the other
    assert plan(project).groups


@pytest.mark.parametrize("value", ["al", {"one": "al"}, {"one": []}, {}, ["one"]])
def test_experiments_are_all_or_a_mapping(project: Path, value: object) -> None:
    with pytest.raises(InputError, match=r"^params.yaml: experiments"):
        plan(project, experiments=value)
    assert plan(project, experiments="all").groups == plan(project).groups
