"""A small built project: one paper with two rows on eight speakers, one of them trained in three epochs."""

from contextlib import chdir
from dataclasses import replace
from pathlib import Path

from helpers.builders import edit_sealed, group_of, protocol
from helpers.gap_cases import BY_SPEAKER, EIGHT, FIELDS, corpus, said
from helpers.runs import AsPlanned, write_run, write_trained
from ser.evaluations.evaluate import evaluate
from ser.files import sha256_of
from ser.outputs import write_table
from ser.plan.groups import Plan
from ser.plan.places import COMPARISONS, HONEST_GAP, PROTOCOL_LADDER, TABLE, Places
from ser.results import comparisons, honest_gap, protocol_ladder, table
from ser.sealed import write_sealed
from ser.splits.make import make_split
from ser.splits.write import write_split

MADE = protocol(**FIELDS | BY_SPEAKER | {"aggregation": "pooled"})
SOURCE = {"table": "1", "selection": "clean", "aggregation": "pooled", "source": "Table 1", "evidence": "paper"}
CLAIMS = [{"row": "full", "protocol": "p", "metric": metric, "value": 70.5, **SOURCE} for metric in ("WA", "UA")]
OTHER = [min(10, n + 2) for n in EIGHT]  # of each speaker's ten utterances, how many the second row has right
LAST = [n + k % 2 for k, n in enumerate(EIGHT)]  # in the last epoch of the first row, which chose the one before
LADDER = {"experiment": "paper", "row": "full", "ladder": "c", "protocol": "p", "metric": "UA", "scale": "demo"}
STEPS = [
    {"step": "a", "title": "Random", "value": "60.00", "ci_low": "50.00", "ci_high": "70.00"}
    | {"against": "b", "gains_by": "sharing", "gain": "10.00", "gain_ci_low": "-1.00", "gain_ci_high": "21.00"},
    {"step": "b", "title": "Speakers", "value": "50.00", "ci_low": "", "ci_high": ""},
]


def write_results(folder: Path, scale: str = "demo") -> tuple[Plan, Places]:
    """Everything below work/<scale> and results that figures and papers' files are made from, in `folder`."""
    trained = {"scores_epochs": True, "system": "linear_probe", "settings": {"criterion": "WA", "patience": 0}}
    both = [group_of(MADE, row=row, seeds=(1, 2)) for row in ("full", "other")]
    groups = (replace(both[0], **trained), both[1])
    rows = {"full": {"title": "The system"}, "other": {"title": "100 % of_it"}}
    about = {"title": "A paper & more", "claims": CLAIMS, "context": [], "rows": rows}
    plan = Plan(scale, groups, {"paper": about | {"protocols": {"p": {"source": "paper"}}}}, {})
    places = Places.of(scale)
    with chdir(folder):
        utterances = [
            replace(one, gender=("female", "male")[int(one.speaker[1:]) % 2] if one.speaker != "s7" else "")
            for one in corpus()
        ]
        split = make_split(MADE, "clean", utterances)
        path = Path(places.split("paper/p/clean"))
        path.parent.mkdir(parents=True)
        write_split(split, MADE, path.with_suffix(".csv"), path)
        write_sealed(Path(places.manifest("c", ".json")), {"unreadable": []})
        for group in groups:
            for seed, fold in group.runs:
                run = Path(places.run(group.name, seed, fold))
                if group.row == "full":
                    epochs = [said(split, fold, of[fold - 1]) for of in (LAST, EIGHT, LAST)]
                    write_trained(run, split, fold, seed, epochs, 2, "WA")
                    _history(run, seed, fold)
                    edit_sealed(run / "metrics.json", system="linear_probe")
                else:
                    write_run(run, split, fold, seed, said(split, fold, OTHER[fold - 1]))
                    _seal_history(run, "epoch\n")
            folders = [Path(places.run(group.name, *run)) for run in group.runs]
            path = Path(places.evaluation(group.name))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_sealed(path, evaluate([split], folders) | {"made_from": "the plan"})
        Path("results").mkdir()
        for name, module, lines in (
            (TABLE, table, table.table_lines(plan, places, AsPlanned())),
            (HONEST_GAP, honest_gap, honest_gap.gap_lines(plan, places, AsPlanned())),
            (COMPARISONS, comparisons, comparisons.comparison_lines(plan, places, AsPlanned())),
            (
                PROTOCOL_LADDER,
                protocol_ladder,
                [dict.fromkeys(protocol_ladder.COLUMNS, "") | LADDER | s for s in STEPS],
            ),
        ):
            write_table(Path(name), list(lines), module.COLUMNS)
    return plan, places


def _history(run: Path, seed: int, fold: int) -> None:
    """Three epochs, of which the runs of seed 2 reach two: losses 3, 2, 1 and the seed; dev UA by the fold."""
    rows = [f"{epoch},{4 - epoch + seed},{0.5 + 0.1 * (fold % 2)}" for epoch in (1, 2, 3)[: 4 - seed]]
    _seal_history(run, "\n".join(["epoch,train_loss,dev_UA", *rows]) + "\n")


def _seal_history(run: Path, text: str) -> None:
    (run / "history.csv").write_text(text)
    names = [path.name for path in run.iterdir() if path.name != "metrics.json"]
    edit_sealed(run / "metrics.json", sha256={name: sha256_of(run / name) for name in names})
