"""What several figures share: axes with units, official parts, the metric that stands for a row, kinds by name."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

from ser.evaluations.names import AVERAGE, metric_names, unit_of
from ser.figures.forest import Kind
from ser.figures.theme import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from ser.plan.groups import Group, Plan
from ser.results.lines import Line, part_of
from ser.splits.protocol import Protocol

MOST = 30  # lines of one figure: of more, each protocol and part has its own
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, GREY)


class Own:
    """What the plan says of the lines of results that have `experiment, row, protocol`."""

    def __init__(self, plan: Plan) -> None:
        self._groups: dict[tuple[str, ...], list[Group]] = {}
        for group in plan.groups:
            self._groups.setdefault((group.experiment, group.row, group.protocol_name), []).append(group)

    def is_main(self, line: Line) -> bool:
        """Whether the line is about the metric that stands for a row; so is none of what is no longer planned."""
        found = self._of(line)
        return bool(found) and line["metric"] == main_metric(found[0].protocol)

    def averaging(self, line: Line) -> str:
        """The protocol's own."""
        return self._of(line)[0].protocol.aggregation

    def groups(self, line: Line) -> list[str]:
        """The groups that the line may rest on, whatever their selection rule."""
        return [group.name for group in self._of(line) if not group.skipped]

    def _of(self, line: Line) -> list[Group]:
        return self._groups.get((line["experiment"], line["row"], line["protocol"]), [])


def in_figures(lines: Sequence[Line]) -> Iterator[tuple[str, str, list[Line]]]:
    """The lines of each figure, with the experiment, and the protocol and part if these have a figure each."""
    by_experiment: dict[str, list[Line]] = {}
    for line in lines:
        by_experiment.setdefault(line["experiment"], []).append(line)
    for experiment, found in by_experiment.items():
        units = {unit_of(line["metric"]) for line in found}
        apart: dict[str, list[Line]] = {}
        for line in found:
            words = " ".join(filter(None, [line["protocol"], part_of(line)]))
            apart.setdefault(words if len(found) > MOST or len(units) > 1 else "", []).append(line)
        for words, of_figure in apart.items():
            yield experiment, words, of_figure


def kinds_of(names: Iterable[str]) -> list[Kind]:
    """A kind for each name."""
    looks = cycle(zip(_COLOURS, _SHAPES, strict=True))
    return [Kind(name, *next(looks)) for name in dict.fromkeys(names)]


def file_name(section: str, group: Group, part: str = "") -> str:
    """The name of a group's figure, or of one of its official parts."""
    return "-".join([section, *group.name.split("/"), *filter(None, [part])])


def axis_of(metrics: Sequence[str]) -> str:
    """The title of an axis with the values of some metrics of one unit."""
    unit = " (per cent)" if unit_of(metrics[0]) == "per cent" else ""
    return f"{metrics[0] if len(metrics) == 1 else 'value'}{unit}"


def main_metric(protocol: Protocol) -> str:
    """The metric that figures show where they show one: UA, or the mean CCC."""
    names = metric_names(protocol)
    averages = [name for name in names if name.endswith(f"_{AVERAGE}")]
    return "UA" if protocol.are_classes else (averages or names)[0]
