"""Builds that are killed end as a build from nothing does: the short form of the benchmark."""

from pathlib import Path

import faults


def test_builds_killed_in_training_and_evaluation_end_as_one_from_nothing(tmp_path: Path) -> None:
    short = faults.Faults(faults.SHORT, tmp_path / "faults", seed=1)
    for _ in short.run(kills=1, training=1):
        assert short.outcome.problems == []
    assert short.outcome.problems == []
    assert {rule for rule, kinds in short.outcome.kills.items() if kinds.total()} == set(short.rules)
    assert short.outcome.builds["identical"] == short.outcome.builds["finished"] > 0
