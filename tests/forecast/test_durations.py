"""How long runs are expected to take, and by what: themselves, other rows of their system, or unit costs."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.params import params
from helpers.training import SETTINGS, Task, fold
from ser.forecast.durations import MEASURED, OTHER, UNIT, UNKNOWN, Duration, Durations
from ser.forecast.jobs import Job, training_jobs
from ser.forecast.status import Line
from ser.forecast.unfinished import done_share
from ser.plan import costs
from ser.plan.groups import Group, Plan
from ser.plan.load import load_plan
from ser.plan.places import Places
from ser.runs.contract import Context
from ser.training.loop import fit

EMODB, RAVDESS = "fair/light_sernet/emodb_4/clean", "fair/light_sernet/ravdess/clean"


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Scale free, as if all corpora were there; a job makes all folds of a seed."""
    plan = load_plan(params(scale="free", experiments={"fair": "all", "light_sernet": "all"}), ROOT)
    return replace(plan, groups=tuple(replace(group, skipped="", one_job_per="seed") for group in plan.groups))


def jobs_of_seed(plan: Plan, places: Places, *names: str) -> list[Job]:
    """The jobs of seed 1 of some groups."""
    jobs = training_jobs(replace(plan, groups=tuple(group for group in plan.groups if group.name in names)), places)
    return [job for job in jobs if job.runs[0][1] == 1]


def measure(places: Places, job: Job, seconds: float) -> None:
    path = Path(places.benchmark("train", job.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\tcpu_time\tmax_rss\n{seconds}\t1\t1\n")


def expected(places: Places, job: Job, *others: Job) -> Duration:
    """Of all its runs, where the others are done."""
    durations = Durations(places, [job, *others], {other.outputs for other in others}, "free", {})
    return durations.of(job, [(run, 1.0) for run in job.runs])


def test_another_row_s_duration_counts_in_proportion(plan: Plan, tmp_path: Path) -> None:
    places = Places(str(tmp_path))
    emodb, ravdess = (jobs_of_seed(plan, places, name)[0] for name in (EMODB, RAVDESS))
    first, second = (costs.run_seconds(job.runs[0][0], "", is_expected=True) for job in (emodb, ravdess))
    found = expected(places, ravdess, emodb)
    assert (found.core, found.basis) == (pytest.approx(len(ravdess.runs) * second), UNIT)
    measure(places, emodb, 60.0 * len(emodb.runs))
    found = expected(places, ravdess, emodb)
    assert (found.core, found.basis) == (pytest.approx(len(ravdess.runs) * 60 * second / first), OTHER)
    assert 3 < second / first < 5  # 1,440 recordings in place of 339
    measure(places, ravdess, 7.0 * len(ravdess.runs))
    found = expected(places, ravdess, emodb, ravdess)
    assert (found.core, found.basis) == (pytest.approx(7 * len(ravdess.runs)), MEASURED)


def test_the_nearest_settings_count(plan: Plan, tmp_path: Path) -> None:
    """With the same ones measured, what other settings took is no longer asked for."""
    places = Places(str(tmp_path))
    published = next(group.name for group in plan.groups if group.name.startswith("light_sernet/ce_3s/emodb_4"))
    fair, long = (jobs_of_seed(plan, places, name)[0] for name in (EMODB, published))
    measure(places, fair, 60.0 * len(fair.runs))
    other = replace(fair, name="other", runs=tuple((replace(g, row="other"), s, k) for g, s, k in fair.runs))
    assert long.runs[0][0].settings["epochs"] == 10 * fair.runs[0][0].settings["epochs"]
    found = expected(places, long, fair)
    assert found.basis == OTHER and 8.5 < found.core / len(long.runs) / 60 < 11
    measure(places, long, 1.0 * len(long.runs))
    assert expected(places, other, fair, long).core == pytest.approx(60 * len(fair.runs))


def test_a_system_without_unit_costs_is_unknown_until_a_run_is_there(plan: Plan, tmp_path: Path) -> None:
    places = Places(str(tmp_path))

    def own(job: Job) -> Job:
        return replace(job, runs=tuple((replace(group, system="not_measured"), s, k) for group, s, k in job.runs))

    emodb, ravdess = (own(jobs_of_seed(plan, places, name)[0]) for name in (EMODB, RAVDESS))
    assert expected(places, ravdess, emodb) == Duration(None, None, UNKNOWN)
    measure(places, emodb, 60.0 * len(emodb.runs))
    audio = [costs.audio_passed(job.runs[0][0]) for job in (emodb, ravdess)]
    found = expected(places, ravdess, emodb)
    assert (found.core, found.basis) == (pytest.approx(len(ravdess.runs) * 60 * audio[1] / audio[0]), OTHER)


def test_what_a_job_has_finished_that_goes_on_counts(plan: Plan, tmp_path: Path) -> None:
    """Its runs, by when they ended, and the epochs of the one that it is at."""
    places = Places(str(tmp_path))
    job = jobs_of_seed(plan, places, "fair/attention_fcn/emodb_4/clean")[0]
    assert len(job.runs) == 10
    for number, output in enumerate(job.outputs[:3]):
        Path(output).parent.mkdir(parents=True)
        Path(output).touch()
        os.utime(output, (1e9 + 50 * number, 1e9 + 50 * number))
    assert expected(places, job).basis == UNIT  # no log: they were copied here
    log = Path(places.log("train", job.name))
    log.parent.mkdir(parents=True)
    log.touch()
    assert expected(places, job) == Duration(50.0 * len(job.runs), None, MEASURED)

    group, _, number = job.runs[3]
    folder = Path(places.states(job.name), f"fold{number}")
    folder.mkdir(parents=True)
    fit(Task(), fold(), replace(SETTINGS, epochs=3), Context(seed=1, key="k", directory=folder))
    assert done_share(places, job, job.runs[3]) == 3 / group.settings["epochs"]
    (folder / "state.safetensors").write_bytes(b"no state")
    assert done_share(places, job, job.runs[3]) == 0.0 == done_share(places, job, job.runs[4])


@pytest.mark.parametrize(
    ("trained", "besides", "text"),
    [
        ([], [], ""),
        ([Duration(7_200.0, None, UNIT)], [Duration(2.0, None, MEASURED)], "60 min"),
        ([Duration(None, None, UNKNOWN)], [Duration(2.0, None, MEASURED)], "unknown"),
        ([Duration(None, None, UNKNOWN), Duration(7_200.0, None, UNIT)], [], "at least 60 min"),
        ([Duration(7_200.0, None, UNIT)], [Duration(None, None, UNKNOWN)], "at least 60 min"),
    ],
)
def test_what_is_unknown_is_said(trained: list[Duration], besides: list[Duration], text: str) -> None:
    line = Line()
    for durations, trains in ((trained, True), (besides, False)):
        for duration in durations:
            line.add(duration, trains)
    assert line.left(cores=2, gpus=0) == text


def test_a_small_network_is_charged_as_one(plan: Plan) -> None:
    """The row of EmoDB that takes 20 minutes: 48 s of a core each (docs/results.md), and once was said to take 57 times
    as much, as the published network does.
    """
    small = next(group for group in plan.groups if group.name == "fair/attention_fcn/emodb_4/clean")
    whole = next(group for group in plan.groups if group.name == "fair/attention_fcn_imagenet/emodb_4/clean")

    def of(group: Group, **changes: float) -> float:
        cost = costs.run_cost(replace(group, settings={**group.settings, **changes}))
        assert cost is not None
        return float(cost["seconds"])

    assert 25 < costs.run_seconds(small, "", is_expected=True) < 75
    assert of(small, width=0.25) == pytest.approx(of(small) / 4)
    assert of(small, segment_seconds=1.5) == pytest.approx(of(small) / 2)
    assert 30 < of(whole) / of(small) < 90
