"""A view for MLflow's list of runs: the groups, with whole names, their values and what is claimed of them.

MLflow keeps views as an experiment's tags, lists them under "Views", and opens one that a link names.
"""

import json
from collections.abc import Sequence

from ser.tracking.records import TrackedGroup

TAG = "mlflow.sharedViewState."  # and the view's key, which is the scale
NAME, CREATED = "attributes.`Run Name`", "runDateAndNestInfo"
LETTER, ICONS, MARGIN = 7, 95, 40  # pixels
VALUE = 8  # letters of a value that are shown


def view_tag(groups: Sequence[TrackedGroup]) -> str:
    """The experiment's tag for the view of `groups`, which are of one scale."""
    return f"{TAG}{groups[0].record.tags['scale']}"


def saved_view(groups: Sequence[TrackedGroup], created: int, old: str) -> str:
    """The tag's value; `old` where it has room for these groups already. What that shows besides stays: it may be for
    another clone's groups.
    """
    scale = groups[0].record.tags["scale"]
    before = json.loads(json.loads(old)["state"])["columnWidths"] if old else {}
    widths = {NAME: ICONS + LETTER * max(len(group.record.name) for group in groups)}
    for group in groups:
        claims = (tag for tag in group.record.tags if tag.startswith("claim.") and not tag.endswith(".source"))
        named = {f"metrics.`{name}`": name for name in group.shown} | {f"tags.`{tag}`": tag for tag in claims}
        widths |= {column: MARGIN + LETTER * max(len(name), VALUE) for column, name in named.items()}
    if all(before.get(column, 0) >= width for column, width in widths.items()):
        return old
    widths = {column: max(before.get(column, 0), widths.get(column, 0)) for column in {**widths, **before}}
    columns = sorted(widths.keys() - {NAME}, key=lambda column: (column.startswith("tags."), [*widths].index(column)))
    state = {
        "searchFilter": f"tags.kind = 'group' and tags.scale = '{scale}'",
        "orderByKey": "tags.`mlflow.runName`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        "columnOrder": [NAME, CREATED, *columns],
        "columnWidths": widths,
    }
    times = {"createdAt": created, "updatedAt": created}
    return json.dumps({"name": f"Results at scale {scale}", **times, "state": json.dumps(state)})
