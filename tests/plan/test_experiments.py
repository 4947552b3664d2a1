"""Experiment files and their claims: what is refused, by name and in one line, before any job starts."""

import copy
from pathlib import Path
from typing import Any

import pytest

from helpers.plans import EXPERIMENT, SYSTEM, changed, plan
from ser.errors import InputError


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("settings.raet", {"value": 1, "source": "chosen"}, "settings of net: unknown key 'raet': did you mean 'rate'"),
        ("settings.rate", None, "settings of net: missing 'rate'"),
        ("settings.rate.value", "1e-3", "rate: '1e-3' is not a number"),
        ("settings.rate.source", None, "settings.rate: missing 'source'"),
        ("settings.rate.source", "memory", "'memory' is not one of paper, code, secondary, chosen"),
        ("settings.mode.value", "c", "mode: 'c' is not one of a, b"),
        ("rows.full.titel", "x", "rows.full: unknown key 'titel': did you mean 'title'"),
        ("rows.full.settings", {"epoch": 3}, "settings of net: unknown key 'epoch': did you mean 'epochs'"),
        ("rows.full.features", {"spectogram": {"kind": "log_mel"}}, "unknown 'spectogram': did you mean 'spectrogram'"),
        ("rows.full.features", {"spectrogram": {"kind": "log_mell"}}, "log_mell"),
        ("rows.full.features", {"spectrogram": {"kind": "log_mel", "n_mel": 3}}, "n_mel"),
        ("rows.full.protocols", ["emodb"], "rows.full.protocols: unknown 'emodb': did you mean 'emodb_2'"),
        ("rows.full.from", "one/fulll", "from: unknown 'fulll': did you mean 'full'"),
        ("system", "nett", "rows.full: system: unknown 'nett': did you mean 'net'?"),
        ("protocols.emodb_2.corpus", "emobd", "corpus: unknown 'emobd': did you mean 'emodb'"),
        ("protocols.emodb_2.folds.kind", "leave_1_out", "leave_1_out"),
        ("protocols.emodb_2.selections", ["cleen"], "'cleen' is not one of clean, test_selected, last_epoch"),
        ("claims.0.source", None, "claims.0: missing 'source'"),
        ("claims.0.row", "ful", "claim 1: row: unknown 'ful': did you mean 'full'"),
        ("claims.0.values", {"accuracy": 1}, "'accuracy' is not one of WA"),
        ("claims.0.source", "tabel", "claim 1: source: unknown 'tabel': did you mean 'table'"),
        ("claims.0.part", "test1", "claim 1: part 'test1': protocol emodb_2 has no official parts"),
    ],
)
def test_wrong_experiments_are_refused_by_name(project: Path, path: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        plan(project, changed(path, value))
    text = str(error.value)
    assert message in text and text.startswith("experiments/one.yaml") and "\n" not in text


@pytest.mark.parametrize(
    ("row", "changes", "message"),
    [
        (
            "full",
            {"values": {"ccc_arousal": 0.5}},
            "claim 2: metric ccc_arousal: row full under protocol emodb_2 reports WA, UA, macro_f1",
        ),
        (
            "mode_b",
            {"selection": "test_selected"},
            "claim 2: row mode_b has no runs under emodb_2 with selection test_s",
        ),
        ("full", {"selection": "clean", "values": {"WA": 71.0}}, "claim 2: claim 1 is about the same number"),
    ],
)
def test_claims_that_no_line_would_show_are_refused(project: Path, row: str, changes: dict, message: str) -> None:
    claims = [*EXPERIMENT["claims"], EXPERIMENT["claims"][0] | {"row": row} | changes]
    with pytest.raises(InputError, match=f"experiments/one.yaml: {message}"):
        plan(project, changed("claims", claims))


def test_a_claim_about_what_is_classified_besides_needs_a_row_that_does(project: Path) -> None:
    (project / "ser/systems/net.py").write_text(f"{SYSTEM}\nAUXILIARY = {{'region': {{'mode': ('b',)}}}}\n")
    claim = EXPERIMENT["claims"][0] | {"row": "mode_b", "values": {"region_WA": 59.51, "region_macro_f1": 36.27}}
    found = plan(project, changed("claims", [claim])).experiments["one"]["claims"]
    assert [(entry["metric"], entry["value"]) for entry in found] == [("region_WA", 59.51), ("region_macro_f1", 36.27)]
    with pytest.raises(InputError) as error:
        plan(project, changed("claims", [claim, claim | {"row": "full"}]))
    assert str(error.value) == (
        "experiments/one.yaml: claim 2: metric region_WA: row full under protocol emodb_2 reports WA, UA, macro_f1: "
        "name one of them"
    )
    with pytest.raises(InputError, match="claims.0.values: 'style_WA' is not one of WA, .*region_WA, region_macro_f1$"):
        plan(project, changed("claims", [claim | {"values": {"style_WA": 1.0}}]))


def test_context_may_stand_beside_a_claim_but_not_beside_nothing(project: Path) -> None:
    other = EXPERIMENT["claims"][0] | {"of": "A sibling", "values": {"WA": 80.0}}
    found = plan(project, EXPERIMENT | {"context": [other]}).experiments["one"]
    assert [entry["value"] for entry in found["claims"]] == [70.5]
    assert [(entry["of"], entry["value"], entry["source"]) for entry in found["context"]] == [
        ("A sibling", 80.0, "Table 1")
    ]
    for changes, message in (
        (
            {"values": {"ccc_arousal": 0.5}},
            "context 1: metric ccc_arousal: row full under protocol emodb_2 reports WA, UA, macro_f1",
        ),
        ({"row": "mode_b", "selection": "test_selected"}, "context 1: row mode_b has no runs under emodb_2"),
        ({"row": "ful"}, "context 1: row: unknown 'ful': did you mean 'full'"),
        ({"values": {"WA": None}}, "context.0.values.WA: None is not a number"),
        ({"off": "x"}, "context.0: unknown key 'off'"),
    ):
        with pytest.raises(InputError, match=f"experiments/one.yaml: {message}"):
            plan(project, EXPERIMENT | {"context": [other | changes]})


def test_a_null_claim_needs_its_reason(project: Path) -> None:
    experiment = copy.deepcopy(EXPERIMENT)
    experiment["claims"][0]["values"] = {"WA": None}
    with pytest.raises(InputError, match="missing 'reason'"):
        plan(project, experiment)


def test_a_protocol_may_start_from_another_one(project: Path) -> None:
    shorter = {"from": "one/emodb_2", "folds": {"kind": "group_k_fold", "group": "speaker", "number": 5, "seed": 1}}
    experiment = changed("protocols.five", shorter)
    first, second = plan(project, experiment).groups[0], plan(project, experiment).groups[2]
    assert (first.protocol_name, second.protocol_name) == ("emodb_2", "five")
    assert (second.protocol.n_folds, second.protocol.labels) == (5, first.protocol.labels)
    assert second.selection == first.selection
    for wrong, message in (
        ("one/emodb", "protocols.five.from: unknown 'emodb': did you mean 'emodb_2'?"),
        ("two/emodb_2", "protocols.five.from: unknown 'two'"),
        ("emodb_2", "protocols.five.from: 'emodb_2': write it like <experiment>/<name>, such as mfhca/full"),
        ("one/five", "protocols.five.from: one/five starts from one/five: name that one"),
    ):
        with pytest.raises(InputError) as error:
            plan(project, changed("protocols.five", shorter | {"from": wrong}))
        assert str(error.value).startswith(f"experiments/one.yaml: {message}")


def test_a_claim_of_several_metrics_is_one_for_each(project: Path) -> None:
    claims = plan(project, changed("claims.0.values", {"WA": 70.5, "UA": 68})).experiments["one"]["claims"]
    assert [(claim["metric"], claim["value"], claim["entry"]) for claim in claims] == [
        ("WA", 70.5, "claim 1"),
        ("UA", 68, "claim 1"),
    ]
    assert {(claim["source"], claim["evidence"]) for claim in claims} == {("Table 1", "paper")}
