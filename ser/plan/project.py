"""The project in the working folder, for commands that ask about it as a whole."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ser.plan.groups import Plan
from ser.plan.load import load_plan, read_params
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.places import Places


@dataclass(frozen=True)
class Project:
    """`params`: the content of params.yaml; `plan`: what it asks for."""

    params: dict[str, Any]
    plan: Plan

    @classmethod
    def here(cls) -> "Project":
        """The one in the working folder. Raises InputError as `load_plan` does."""
        params = read_params()
        return cls(params, load_plan(params))

    @property
    def places(self) -> Places:
        """Where its files are."""
        return Places.of(self.plan.scale)

    @cached_property
    def made_from(self) -> MadeFrom:
        """What its artifacts are to be made from; reads the hashes of all code and recordings."""
        return MadeFrom(self.plan, self.params, Origins(self.params))
