"""The speakers that a group's runs test: who they are, and what of them is independent."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ser.evaluations.intervals import Clusters, Sums
from ser.splits.split import UNKNOWN, Split


class Speakers:
    """The speakers of the `scored` rows (int64) of any seed's split, and what of them is independent.

    Unknown speakers are distinguished by their session: one podcast's unknown voice is not another's. Where folds test
    sessions, so are all, and the sessions are independent: their speakers talk to each other and share a model.
    `n_named` is how many the corpus names, `genders` [n] what it says of each; "" if it says nothing, or two things.
    """

    def __init__(self, scored: Sequence[tuple[Split, np.ndarray]]) -> None:
        self._kind = "session" if scored[0][0].fold_group == "session" else "speaker"
        found: dict[str, tuple[Split, int]] = {}
        genders = defaultdict(set)
        for split, rows in scored:
            for row in rows:
                name = self._name(split, row)
                found[name] = split, row
                genders[name].add(split.genders[row])
        self._places = {name: place for place, name in enumerate(sorted(found))}
        ordered = [found[name] for name in self._places]
        self.n_named = len({split.speakers[row] for split, row in ordered} - {*UNKNOWN})
        self.genders = np.array([min(of) if len(of := genders[name]) == 1 else "" for name in self._places])
        clusters = [split.sessions[row] for split, row in ordered] if self._kind == "session" else [*self._places]
        self._clusters = np.unique(clusters, return_inverse=True)[1]

    @property
    def names(self) -> tuple[str, ...]:
        """What the corpus calls them; what tells apart those that it does not name is their session."""
        return tuple(self._places)

    def clusters(self, folds: Iterable[Sums]) -> Clusters:
        """What of them is independent, and whether a model tests several of these; `folds` are those of all runs."""
        shares = any(len({*self._clusters[fold.speakers]}) > 1 for fold in folds)
        return Clusters(self._clusters, self._kind, shares)

    def index(self, split: Split, rows: np.ndarray) -> np.ndarray:
        """int64 [n]: the speaker of each of some rows."""
        return np.array([self._places[self._name(split, row)] for row in rows], np.int64)

    def _name(self, split: Split, row: int) -> str:
        speaker = split.speakers[row]
        is_of_session = speaker in UNKNOWN or self._kind == "session"
        return f"{speaker}/{split.sessions[row]}" if is_of_session else speaker
