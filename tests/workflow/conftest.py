"""The environment of all tests that use the real workflow."""

import pytest


@pytest.fixture(autouse=True)
def no_foreign_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out whatever of the user's environment changes what Snakemake does."""
    for name in ("SNAKEMAKE_PROFILE", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
