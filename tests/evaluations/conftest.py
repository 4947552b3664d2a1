"""The split whose runs are gathered and evaluated."""

import pytest

from helpers.builders import iemocap_like, protocol
from helpers.split_cases import SESSIONS
from ser.splits.make import make_split
from ser.splits.split import Split


@pytest.fixture
def split() -> Split:
    """Five sessions of unequal size: the fold mean is not the pooled value."""
    rows = [row for row in iemocap_like() if row.speaker != "Ses01F" or row.utterance.endswith("1")]
    return make_split(protocol(**SESSIONS), "clean", rows)
