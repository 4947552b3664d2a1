"""The parameters of the tests, because params.yaml is the user's."""

import copy
from typing import Any

_PARAMS = {
    "scale": "demo",
    "experiments": "all",
    "scales": {
        "demo": {"corpora": ["iemocap", "casia", "msp_podcast"], "seeds": [1], "one_job_per": "seed"},
        "free": {"corpora": ["emodb", "ravdess", "crema_d"], "seeds": [1, 2, 3, 4, 5], "one_job_per": "fold"},
        "paper": {
            "corpora": ["iemocap", "casia", "msp_podcast", "emodb", "ravdess", "crema_d"],
            "seeds": [1, 2, 3, 4, 5],
            "one_job_per": "fold",
        },
    },
    "corpora": {},
    "encoders": {},
    "compute": {
        "device": "auto",
        "gpu_slots": 4,
        "keep_models": True,
        "score_test_each_epoch": True,
        "threads": 1,
        "cpu": "native",
    },
    "demo_seed": 1,
}


def params(**changes: Any) -> dict[str, Any]:
    """What params.yaml would hold, with `changes` to the entries at its top level."""
    return copy.deepcopy(_PARAMS) | changes
