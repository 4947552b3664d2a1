"""How often the project's intervals hold the true value, and its tests and verdicts err, in simulated studies.

    python benchmarks/coverage.py --studies 1000 --output benchmarks/results/coverage.json

The tables of docs/statistics.md are printed from it.

A study draws new speakers (and seeds) from a population whose true value is known. Beside the interval that the project
prints stands the percentile bootstrap over the same clusters, which it printed before.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from _paths import ROOT
from _studies import Generator, Situation, Study, rows_alike, situations
from _tables import table
from ser.evaluations.differences import Difference, Tests
from ser.evaluations.intervals import Clusters, intervals, mean_over_seeds
from ser.evaluations.metrics import class_metrics
from ser.evaluations.swaps import exchanges
from ser.evaluations.verdicts import half_width, verdict
from ser.outputs import write_json, write_text
from ser.progress import progress

DOCUMENT = ROOT / "docs/statistics.md"
CLAIMS = ("one honest run", "5 points too high")
RESAMPLES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    write_json(args.output, simulate(args.studies))
    write_text(DOCUMENT, filled(DOCUMENT.read_text(), json.loads(args.output.read_text())))


def simulate(studies: int) -> dict[str, Any]:
    """All rates, as fractions of `studies`."""
    found: dict[str, Any] = {"studies": studies, "coverage": [], "tests": [], "verdicts": []}
    for situation in situations():
        found["coverage"].append(_coverage(situation, studies))
    for n_speakers, n_seeds, pairs in ((10, 1, "one row"), (10, 1, "all"), (24, 1, "one row"), (60, 5, "one row")):
        found["tests"].append(_false_positives(n_speakers, n_seeds, pairs, studies))
    found["power"] = [[n, _power(n, studies)] for n in (6, 10, 12, 24)]
    for spread, n_seeds in ((0.5, 5), (1.0, 3), (1.0, 5), (2.0, 5)):
        found["verdicts"].append(_verdicts(spread, n_seeds, 20 * studies))
    return found


def _coverage(situation: Situation, studies: int) -> dict[str, Any]:
    generator = np.random.default_rng(1)
    inside = {"interval": 0, "bootstrap": 0}
    widths, none = [], 0
    for _ in progress(range(studies), situation.title, "studies"):
        study = situation.draw(generator)
        interval = intervals(situation.metrics, study.seeds, study.clusters)[situation.metric]
        if interval.low is None or interval.high is None:
            none += 1
            continue
        inside["interval"] += interval.low <= situation.truth <= interval.high
        low, high = _bootstrap(situation, study, generator)
        inside["bootstrap"] += low <= situation.truth <= high
        widths.append(interval.high - interval.low)
    shown = studies - none
    rates = {name: number / shown for name, number in inside.items()}
    return {"situation": situation.title, **rates, "none": none / studies, "width": float(np.median(widths))}


def _bootstrap(situation: Situation, study: Study, generator: Generator) -> tuple[float, float]:
    """The percentile interval over clusters that are drawn with replacement."""
    n = len(study.clusters)
    drawn = generator.integers(n, size=(RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n).astype(np.float64)
    values = mean_over_seeds(situation.metrics, study.seeds, counts[:, study.clusters.of])[situation.metric]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def _false_positives(n_speakers: int, n_seeds: int, pairs: str, studies: int, n_rows: int = 8) -> dict[str, Any]:
    """Rates at 5 %: of one comparison, by test and by interval, and of any of a family."""
    generator, clusters = np.random.default_rng(2), Clusters(np.arange(n_speakers), "speaker", n_seeds > 1)
    chosen = [(row, 0) for row in range(1, n_rows)] if pairs == "one row" else [*combinations(range(n_rows), 2)]
    counts: Counter[str] = Counter()
    for _ in progress(range(studies), f"{n_speakers} speakers, {len(chosen)} comparisons", "studies"):
        rows = rows_alike(generator, n_speakers, n_rows, n_seeds)
        found = {pair: Difference(class_metrics, rows[pair[0]], rows[pair[1]], clusters) for pair in chosen}
        p = Tests.of(found).p["UA"]
        interval = found[chosen[0]].intervals["UA"]
        counts["alone"] += p[chosen[0]][0] <= 0.05
        counts["interval"] += not (interval.low or 0) <= 0 <= (interval.high or 0)
        counts["family"] += min(together for _, together in p.values()) <= 0.05
        counts["unadjusted"] += min(alone for alone, _ in p.values()) <= 0.05
    facts = {"speakers": n_speakers, "seeds": n_seeds, "pairs": pairs, "comparisons": len(chosen)}
    return facts | {name: counts[name] / studies for name in ("alone", "interval", "family", "unadjusted")}


def _power(n_speakers: int, studies: int) -> float:
    """The difference that a test at 5 % finds in 80 % of studies, in standard deviations of speakers' differences."""
    generator, swaps = np.random.default_rng(3), 1 - 2 * exchanges(n_speakers)[:2048]
    noise = generator.normal(size=(studies, n_speakers))

    def share_found(difference: float) -> float:
        values = np.abs((noise + difference) @ swaps.T)
        return float(np.mean(np.mean(values >= values[:, :1] - 1e-12, axis=1) <= 0.05))

    low, high = 0.0, 4.0
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if share_found(middle) < 0.8 else (low, middle)
    return round((low + high) / 2, 2)


def _verdicts(spread: float, n_seeds: int, studies: int, n_rows: int = 4) -> dict[str, Any]:
    """Rates of each verdict on a claim that is one honest run, and on one that is 5 points too high. `spread`: that of
    seeds, in points; it is pooled over the rows of a system.
    """
    generator = np.random.default_rng(4)
    runs = generator.normal(0, spread, (studies, n_rows, n_seeds))
    honest = generator.normal(0, spread, studies)
    found: dict[str, Any] = {"seed_std": spread, "seeds": n_seeds, "rows": n_rows}
    for name, claim in zip(CLAIMS, (honest, honest + 5), strict=True):
        given = [
            verdict(values[0].mean(), one, half_width([(row.std(ddof=1), n_seeds) for row in values], n_seeds))
            for values, one in zip(runs, claim, strict=True)
        ]
        found[name] = {word: given.count(word) / studies for word in sorted({*given})}
    return found


def filled(document: str, found: Mapping[str, Any]) -> str:
    """docs/statistics.md with the tables of what was found, each below the comment that names it."""
    for name, lines in tables(found).items():
        text = "".join(f"{line}\n" for line in lines)
        document, number = re.subn(rf"(<!-- {name}: .*-->\n\n)(?:\|.*\n)*", lambda match: match[1] + text, document)  # noqa: B023
        if number != 1:
            raise ValueError(f"{DOCUMENT}: {number} places for the table {name}")
    return document


def tables(found: Mapping[str, Any]) -> dict[str, list[str]]:
    """The tables of docs/statistics.md, by what they are about."""
    coverage = [
        [of["situation"], _percent(of["interval"]), _percent(of["bootstrap"]), f"{of['width']:.3f}"]
        for of in found["coverage"]
    ]
    tests = [
        [
            f"{of['speakers']} speakers, " + (f"{of['seeds']} seeds, t" if of["seeds"] > 1 else "exchanges"),
            f"{of['comparisons']} ({of['pairs']})",
            *(_percent(of[name]) for name in ("alone", "interval", "unadjusted", "family")),
        ]
        for of in found["tests"]
    ]
    power = [[n, f"{difference:.2f}"] for n, difference in found["power"]]
    words = ("confirmed", "below", "above", "undecidable")
    verdicts = [
        [of["seed_std"], of["seeds"], claim, *(_percent(of[claim].get(word, 0)) for word in words)]
        for of in found["verdicts"]
        for claim in CLAIMS
    ]
    return {
        "coverage": table(["situation", "interval", "percentile bootstrap", "median width"], coverage),
        "tests": table(
            ["test", "comparisons", "one, by p", "one, by interval", "any, by p", "any, by p_family"], tests
        ),
        "power": table(["speakers", "difference"], power),
        "verdicts": table(["seed_std", "seeds", "claim", *words], verdicts),
    }


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"


if __name__ == "__main__":
    main()
