"""Where everything is, relative to the project: the one list of the files that the workflow writes.

A folder of `work/<scale>/`, but for logs and benchmarks, belongs to a package of `ser/`. Names may be Snakemake's
wildcards ("{corpus}").
"""

from dataclasses import dataclass

CLONE = "work/clone.txt"  # which clone this is
RESULTS = "results"
TABLE = f"{RESULTS}/table.csv"
PARTIAL = f"{RESULTS}/partial.csv"
HONEST_GAP = f"{RESULTS}/honest_gap.csv"
PROTOCOL_LADDER = f"{RESULTS}/protocol_ladder.csv"
COMPARISONS = f"{RESULTS}/comparisons.csv"
PAGE = f"{RESULTS}/report.html"
PAPER = f"{RESULTS}/paper"
METRICS = f"{RESULTS}/metrics"
PLOTS = f"{RESULTS}/plots"
CLAIMS = f"{PLOTS}/claims.csv"
REPORTS = (TABLE, HONEST_GAP, PROTOCOL_LADDER, COMPARISONS, CLAIMS)
CERTIFICATE = f"{RESULTS}/certificate.json"
GIVEN = "external/predictions"  # what other code predicted: a user puts it there


def group_metrics(group: str, part: str = "") -> str:
    """A group's metrics; of one official part where those are reported."""
    return f"{METRICS}/{group}{part and f'/{part}'}.json"


def confusion_chart(name: str) -> str:
    """The data behind a group's confusion matrix; `name` is the group's `chart`."""
    return f"{PLOTS}/confusion/{name}.csv"


def curves_chart(name: str) -> str:
    """The data behind a group's training curves; `name` is the group's `chart`."""
    return f"{PLOTS}/curves/{name}.csv"


@dataclass(frozen=True)
class Places:
    """The files below `work`, the folder of one scale."""

    work: str

    @classmethod
    def of(cls, scale: str) -> "Places":
        """The places of a scale."""
        return cls(f"work/{scale}")

    def release(self, corpus: str) -> str:
        """A demo corpus's release tree."""
        return f"{self.work}/releases/{corpus}"

    def listing(self, corpus: str) -> str:
        """The list of a release tree's files."""
        return f"{self.release(corpus)}.json"

    def encoder(self, encoder: str) -> str:
        """The folder of a checkpoint that is made here."""
        return f"{self.work}/encoders/{encoder}"

    def manifest(self, corpus: str, suffix: str = ".csv") -> str:
        """A manifest; `.json`: the report on it; `.tree.json`: what the files were when they were read."""
        return f"{self.work}/manifests/{corpus}{suffix}"

    def audio(self, corpus: str) -> str:
        """A corpus's decoded audio."""
        return f"{self.work}/audio/{corpus}.safetensors"

    def feature(self, corpus: str, feature: str) -> str:
        """One feature of a corpus; `feature` is `<kind>-<digest of its settings>`."""
        return f"{self.work}/features/{corpus}/{feature}.safetensors"

    def part(self, corpus: str, feature: str, part: int | str, parts: int | str) -> str:
        """A part of a feature, until all `parts` are joined."""
        return f"{self.work}/features/{corpus}/{feature}.{part}of{parts}.safetensors"

    def split(self, split: str, suffix: str = ".json") -> str:
        """A split, `<experiment>/<protocol>/<selection>[/seed<s>]`: its rows (`.csv`) or facts about them (`.json`)."""
        return f"{self.work}/splits/{split}{suffix}"

    def seed(self, group: str, seed: int | str) -> str:
        """The folder of a group's runs of one seed, `fold<k>` each."""
        return f"{self.work}/runs/{group}/seed{seed}"

    def run(self, group: str, seed: int | str, fold: int | str) -> str:
        """The folder of a run."""
        return f"{self.seed(group, seed)}/fold{fold}"

    def metrics(self, group: str, seed: int | str, fold: int | str) -> str:
        """The file that describes a run."""
        return f"{self.run(group, seed, fold)}/metrics.json"

    def given(self, group: str, seed: int | str = "") -> str:
        """The folder of what other code predicted, laid out as `runs`: of a group, or of one of its seeds."""
        return f"{GIVEN}/{self.work.removeprefix('work/')}/{group}" + (f"/seed{seed}" if seed != "" else "")

    def states(self, job: str) -> str:
        """The folder for the states of the unfinished runs of a job, `<group>/<job>`."""
        return f"{self.work}/states/{job}"

    def evaluation(self, group: str) -> str:
        """A group's evaluation."""
        return f"{self.work}/evaluations/{group}.json"

    def log(self, rule: str, job: str = "") -> str:
        """What a job printed."""
        return f"{self.work}/logs/{rule}{job and f'/{job}'}.log"

    def benchmark(self, rule: str, job: str = "") -> str:
        """How long a job took, and its peak memory."""
        return f"{self.work}/benchmarks/{rule}{job and f'/{job}'}.tsv"

    @property
    def examples(self) -> str:
        """What the report shows and plays of utterances."""
        return f"{self.work}/examples.json"

    @property
    def tracked(self) -> str:
        """What was last imported into MLflow."""
        return f"{self.work}/tracked.json"

    @property
    def untracked(self) -> str:
        """When and why an import last failed."""
        return f"{self.work}/untracked.txt"
