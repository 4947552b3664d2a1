"""Whose attention the report shows, and which recordings never leave the machine."""

from dataclasses import replace
from typing import Any

import pytest

from helpers.params import params
from helpers.predictable import plan
from ser.files import words
from ser.plan.groups import Group, Plan
from ser.plan.shown import shown, terms, unheard

ATTENDING = ["area_attention", "attention_fcn", "ca_mser", "emosphere_ser", "mfhca"]


def names(groups: list[Group]) -> list[str]:
    return [group.name for group in groups]


def of_corpus(corpus: str) -> Plan:
    """The plan with everything about one corpus."""
    groups = tuple(replace(group, protocol=replace(group.protocol, corpus=corpus)) for group in plan().groups)
    return replace(plan(), groups=groups)


def test_one_group_of_each_system_with_attention() -> None:
    """Of the paper that claims something for it, where there is one; under `clean`."""
    assert names(shown(plan(), params())) == [
        "area_attention/one_epoch/iemocap_2659/clean",
        "attention_fcn/full/iemocap_2280_sessions/clean",
        "ca_mser/full/iemocap_5531_speakers/clean",
        "emosphere_ser/full/in_house/clean",
        "mfhca/full/iemocap_5531_speakers/clean",
    ]
    assert unheard(plan(), params()) == {}


@pytest.mark.parametrize("scale", ["free", "paper"])
def test_licensed_and_own_recordings_are_never_shown(scale: str) -> None:
    given = params() | {"scale": scale}
    assert shown(plan(), given) == []
    assert unheard(plan(), given)["attention_fcn"] == ["iemocap", "casia"]
    assert sorted(unheard(plan(), given)) == ATTENDING
    for corpus, entry in (("mine", {"manifest": "m.csv"}), ("emodb", {"manifest": "m.csv"}), ("mine", {})):
        of_own: dict[str, Any] = given | {"corpora": {corpus: {"root": "/data", **entry}}}
        assert shown(of_corpus(corpus), of_own) == [] and unheard(of_corpus(corpus), of_own)["mfhca"] == [corpus]
    assert names(shown(of_corpus("emodb"), given | {"corpora": {"emodb": {"root": "/data"}}})) == names(
        shown(plan(), params())
    )


def test_whose_recordings_may_be_passed_on() -> None:
    given = {corpus: terms(corpus, params()) for corpus in sorted(words("corpora"))}
    assert {corpus: text.split(", ")[-1] for corpus, text in given.items() if text} == {
        "crema_d": "ODbL 1.0 and DbCL 1.0",
        "emodb": "CC BY 4.0",
        "ravdess": "CC BY-NC-SA 4.0",
    }
    assert all("et al. (" in text or " and Russo (" in text for text in given.values() if text)
