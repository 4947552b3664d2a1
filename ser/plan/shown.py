"""Whose attention the report shows: one group of each system that has one, of a corpus that anyone may hear."""

import importlib
from collections.abc import Mapping
from typing import Any

from ser.files import ROOT, words
from ser.plan.groups import Group, Plan
from ser.plan.settings import has_attention

FOLD = 1  # whose model, of the first seed, is looked at
Params = Mapping[str, Any]


def shown(plan: Plan, params: Params) -> list[Group]:
    """A group of each such system: the first that is under `clean`, has figures and is of an experiment with claims, as
    far as there is one.
    """
    drawn = {group.name for group in plan.headlines}
    of_system: dict[str, Group] = {}
    for group in sorted(
        attending(plan),
        key=lambda g: (g.selection != "clean", g.name not in drawn, not plan.experiments[g.experiment]["claims"]),
    ):
        if may_be_heard(group.corpus, params):
            of_system.setdefault(group.system, group)
    return [of_system[system] for system in sorted(of_system)]


def unheard(plan: Plan, params: Params) -> dict[str, list[str]]:
    """The other systems that have an attention -> the corpora that they are trained on, which nobody else may hear."""
    systems = {group.system for group in shown(plan, params)}
    found: dict[str, list[str]] = {}
    for group in attending(plan):
        if group.system not in systems and group.corpus not in found.setdefault(group.system, []):
            found[group.system].append(group.corpus)
    return found


def may_be_heard(corpus: str, params: Params) -> bool:
    """Whether a page that is passed on may hold recordings of a corpus."""
    return params["scale"] == "demo" or bool(terms(corpus, params))


def terms(corpus: str, params: Params) -> str:
    """Authors and licence that are named beside a recording, so that anyone may pass it on: `EXCERPTS` of the corpus's
    loader. "" where nobody else may hear it, and for recordings that the user has described.
    """
    if corpus not in words("corpora") or "manifest" in params["corpora"].get(corpus, {}):
        return ""
    return str(getattr(importlib.import_module(f"ser.corpora.{corpus}"), "EXCERPTS", ""))


def attending(plan: Plan) -> list[Group]:
    """The groups whose system has an attention."""
    return [group for group in plan.live if has_attention(ROOT / "ser" / "systems" / f"{group.system}.py")]
