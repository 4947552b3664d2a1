"""`ser status`: what is done, failed, left and skipped, and how long it takes."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

if TYPE_CHECKING:
    from ser.forecast.status import Line, Status

EXAMPLE = "ser status --corpus iemocap"

_BY = {"experiment": ("experiment",), "row": ("experiment", "row", "corpus"), "corpus": ("corpus",)}


def command(
    by: Annotated[Literal["experiment", "row", "corpus"] | None, Option(help="a line for each")] = None,
    experiment: Annotated[str | None, Option(help="only this one, by rows")] = None,
    row: Annotated[str | None, Option(help="only rows of this name")] = None,
    corpus: Annotated[str | None, Option(help="only this one, by rows; whether or not its recordings are here")] = None,
    scale: Annotated[Literal["demo", "free", "paper"] | None, Option(help="another than params.yaml names")] = None,
    estimate: Annotated[bool, Option("--estimate", help="what all of it costs from nothing, skipped rows too")] = False,
    as_json: Annotated[bool, Option("--json", help="as JSON")] = False,
) -> None:
    """Say what is planned, done, failed and skipped, and about how long the rest takes on this machine.

    It looks at files only and starts nothing. With --corpus it estimates a corpus of which nothing is computed
    here, also at scale demo. Exit status 1: jobs have failed.
    """
    from typer import Exit

    from ser.forecast.status import choose, status
    from ser.plan.load import load_plan, read_params

    params = read_params()
    real = [name for name in ("free", "paper") if corpus in params["scales"][name]["corpora"]]
    wanted = scale or params["scale"]
    if corpus and not scale and wanted == "demo" and real:
        wanted, estimate = real[0], True  # demo's corpora are synthetic
    params |= {"scale": wanted}
    plan = load_plan(params)
    chosen = choose(plan, experiment=experiment, row=row, corpus=corpus)
    if corpus and not estimate and all(group.skipped for group in chosen):  # nothing of it here: what would it cost?
        params |= {"scale": scale or (real or [wanted])[0], "experiments": "all"}
        plan, estimate = load_plan(params), True
        chosen = choose(plan, experiment=experiment, row=row, corpus=corpus)
    names = _BY[by or ("row" if experiment or row or corpus else "experiment")]
    found = status(params, plan, chosen, lambda group: tuple(getattr(group, name) for name in names), estimate)
    if as_json:
        from ser.outputs import json_text

        print(json_text(_as_json(found, names, estimate)), end="")
    else:
        _print(found, names, estimate)
    raise Exit(1 if found.failures else 0)


def _as_json(found: "Status", names: tuple[str, ...], estimate: bool) -> dict[str, Any]:
    def line(of: "Line") -> dict[str, Any]:
        return {
            "runs": dict(of.runs),
            "left_core_seconds": of.core,
            "left_a100_seconds": of.gpu,
            "jobs_of_unknown_duration": of.unknown,
            "jobs_by_basis": dict(of.bases),
        }

    return {
        "scale": found.scale,
        "is_estimate_from_nothing": estimate,
        "cores": found.cores,
        "gpus": found.gpus,
        "left_seconds": found.total.seconds(found.cores, found.gpus),
        "total": line(found.total),
        "lines": [dict(zip(names, key, strict=True)) | line(of) for key, of in found.lines.items()],
        "failed": [{"job": job, "reason": reason, "log": log} for job, reason, log in found.failures],
        "skipped": [
            {"reason": reason, "groups": [group.name for group in groups]} for reason, groups in found.skipped.items()
        ],
    }


def _print(found: "Status", names: tuple[str, ...], estimate: bool) -> None:
    from ser.errors import listed
    from ser.forecast.durations import UNIT
    from ser.forecast.status import STATES, rests_on
    from ser.results.terminal import print_table

    total, machine = found.total, f"{found.cores} cores" + (f" and {found.gpus} GPUs" if found.gpus else "")
    used = [state for state in STATES if total.runs[state]]
    on_gpu, is_left = total.gpu > 0, bool(total.training)
    rows = []
    for key, line in [*found.lines.items(), (("all", *[""] * (len(names) - 1)), total)]:
        cells = [*key, *(str(line.runs[state] or "") for state in used)]
        hours = [f"{line.gpu / 3600:,.2f}" if line.gpu else ""] if on_gpu else []
        bases = [", ".join(line.training)] if is_left else []
        rows.append([*cells, line.left(found.cores, found.gpus), *hours, *bases])
    what = "to do, if nothing is done yet" if estimate else "to do"
    print(f"scale {found.scale}: runs by state; {what}: about how long on {machine}")
    columns = [*names, *used, "to do", *(["A100 hours"] if on_gpu else []), *(["rests on"] if is_left else [])]
    print_table(columns, rows, right=len(columns) - len(names))
    if left := total.left(found.cores, found.gpus):
        about = "" if total.unknown else "about "
        print(f"{about}{left} on {machine}: an estimate, all cores busy. It rests on: {rests_on(total)}")
        if total.unknown:
            print("unknown: nothing of the system has run here, and it has no unit costs: a first fold will tell")
        if total.bases[UNIT]:
            print("unit costs are of another machine; GPUs were never measured: docs/scaling.md")
        if on_gpu and not found.gpus:
            print("A100 hours: what a GPU would take of this instead, with all its assumptions")
    for job, reason, log in found.failures:
        print(f"failed: {job}: {reason} ({log})")
    for reason, groups in found.skipped.items():
        of = listed(dict.fromkeys(f"{group.experiment}/{group.row}" for group in groups), 6)
        print(f"{'not computed here' if estimate else 'skipped'}: {reason}: {of}")
    if found.scale == "demo":
        print("scale demo is synthetic: ser status --corpus NAME says what a real corpus costs")
