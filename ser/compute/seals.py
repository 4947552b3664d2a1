"""Whether files are as the jobs left that wrote them: their SHA-256, kept beside Snakemake's records."""

import json
from collections.abc import Iterable
from pathlib import Path

from ser.files import alone_with, atomic_file, sha256_of


class Seals:
    """The SHA-256 of files, in the JSON file `path`; an unreadable one counts as empty."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        try:
            self._known: dict[str, str] = dict(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self._known = {}

    def hold(self, file: str) -> bool:
        """Whether a file is as it was when it was sealed; one that does not exist need not be."""
        return not Path(file).is_file() or self._known.get(file) == sha256_of(file)

    def seal(self, files: Iterable[str]) -> None:
        """Record files as they are now."""
        self._known |= {file: sha256_of(file) for file in files if Path(file).is_file()}
        with alone_with(self._path), atomic_file(self._path) as temporary:
            temporary.write_text(json.dumps(self._known, indent=1, sort_keys=True), encoding="utf-8")
