"""`ser verify`: all checks, and the certificate of what was and what was not checked."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ser.files import sha256_of
from ser.outputs import write_json, write_text
from ser.plan.code import git_commit
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.places import CERTIFICATE, METRICS, PAGE, PLOTS, REPORTS, Places
from ser.progress import progress
from ser.verification.artifacts import Check, check_artifacts, check_recordings
from ser.verification.recomputed import check_evaluations, check_results
from ser.verification.reruns import TOLERANCE, Rerun, Rerunner

_SHOWN = 20  # problems per check in the readable form; the JSON has all


def verify(plan: Plan, params: Mapping[str, Any], made_from: MadeFrom, runs: int, seed: int) -> dict[str, Any]:
    """The certificate of the results of a plan; `params` is the content of params.yaml. Of its runs, `runs` are trained
    again, drawn by `seed`. Progress goes to stderr. What is wrong is in the certificate: nothing is raised.
    """
    places, origins = Places.of(plan.scale), Origins(params)
    live = list(plan.live)
    corpora = sorted({group.corpus for group in live})
    orders = made_from.orders()
    with progress(len(orders), "artifacts") as meter:
        artifacts = check_artifacts(orders, params["compute"]["keep_models"], meter.update)
    manifests = {Path(places.manifest(corpus)): Path(origins.root(corpus)) for corpus in corpora}
    with progress(len(manifests), "recordings", "corpora") as meter:
        recordings = check_recordings(manifests, meter.update)
    with progress(len(live), "evaluations") as meter:
        evaluations = check_evaluations(plan, places, made_from, meter.update)
    results = check_results(plan, places, made_from)
    rerunner = Rerunner(plan, places, origins, made_from, params["compute"])
    with progress(runs, "runs trained again", "runs") as meter:
        again, reruns = rerunner.sample(runs, seed, meter.update)
    return _certificate(plan, [artifacts, recordings, evaluations, results, again], reruns)


def write_certificate(certificate: Mapping[str, Any]) -> None:
    """Write results/certificate.json, and beside it the same to read (.md)."""
    write_json(Path(CERTIFICATE), certificate)
    write_text(Path(CERTIFICATE).with_suffix(".md"), readable(certificate))


def readable(certificate: Mapping[str, Any]) -> str:
    """The certificate in Markdown."""
    verdict = "**Everything that was checked is as it should be.**"
    if not certificate["verified"]:
        verdict = f"**Not verified: {sum(len(check['problems']) for check in certificate['checks'])} problems.**"
    lines = [
        "# Certificate",
        "",
        f"Results at scale `{certificate['scale']}`, checked {certificate['checked_at']} with version "
        f"{certificate['ser']}, commit {certificate['commit'] or 'unknown'}.",
        "",
        verdict,
        "",
        "| check | what | checked | MB read | problems | not checked |",
        "|---|---|---|---|---|---|",
    ]
    for check in certificate["checks"]:
        cells = (check["name"], check["what"], check["checked"], round(check["size"] / 1e6) or "")
        lines.append(f"| {' | '.join(map(str, cells))} | {len(check['problems'])} | {len(check['not_checked'])} |")
    for title, key in (("Problems", "problems"), ("Not checked", "not_checked")):
        if found := [line for check in certificate["checks"] for line in _shown(check[key])]:
            lines += ["", f"## {title}", "", *(f"- {line}" for line in found)]
    if certificate["runs_trained_again"]:
        lines += ["", "## Runs trained again", "", *map(_rerun, certificate["runs_trained_again"])]
        lines += ["", f"Where the same bits are not promised, {100 * TOLERANCE:.0f} % is tolerated."]
    results = certificate["results"]
    named = [f"- `{path}` {results[path]}" for path in (*REPORTS, PAGE) if path in results]
    others = f"- {len(results) - len(named)} files below `{METRICS}` and `{PLOTS}`"
    lines += ["", "## What it is about", "", *named, others]
    return "\n".join(lines) + "\n"


def _certificate(plan: Plan, checks: Sequence[Check], reruns: Sequence[Rerun]) -> dict[str, Any]:
    files = [*REPORTS, PAGE, *map(str, Path(PLOTS).rglob("*.csv")), *map(str, Path(METRICS).rglob("*.json"))]
    return {
        "verified": not any(check.problems for check in checks),
        "scale": plan.scale,
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ser": version("ser"),
        "commit": git_commit(),
        "python": platform.python_version(),
        "checks": [vars(check) for check in checks],
        "runs_trained_again": [vars(rerun) for rerun in reruns],
        "results": {path: sha256_of(path) for path in sorted(files) if Path(path).is_file()},
    }


def _shown(lines: Sequence[str]) -> list[str]:
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [*lines[:_SHOWN], *more]


def _rerun(rerun: Mapping[str, Any]) -> str:
    told = "the same bits" if rerun["same_bits"] else f"{100 * rerun['difference']:.1f} % of its predictions differ"
    kind = "" if rerun["promised"] else " (the same bits are not promised: another kind of machine, or a GPU)"
    return f"- {rerun['run']}: {told}{kind}, {rerun['seconds']} s"
