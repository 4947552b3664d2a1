"""Whether recordings are all that a release has: asked while the workflow is parsed, before any job starts."""

import importlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ser.files import words
from ser.manifests.reading import release_of
from ser.manifests.user_manifest import read_user_manifest
from ser.manifests.utterance import Utterance, read_manifest


def lacking_emotions(corpus: str, entry: Mapping[str, Any], read: Path, emotions: Collection[str]) -> list[str]:
    """`<emotion> <here> of <published>` for each of `emotions` of which recordings are missing.

    `entry` is the corpus's in params.yaml. Labels are read as the manifest job does, without the audio; where the
    folder is not on this machine, from the manifest `read` that was made on another. A corpus without published counts
    (of a release that is near) lacks nothing. Raises InputError for a folder that is not the corpus's.
    """
    if corpus not in words("corpora"):
        return []
    loader = importlib.import_module(f"ser.corpora.{corpus}")
    if not loader.PUBLISHED:
        return []
    utterances = _utterances(loader, entry, read)
    release = release_of(loader.PUBLISHED, len(utterances))
    return release.emotions.lacking(utterances, emotions) if release else []


def _utterances(loader: Any, entry: Mapping[str, Any], read: Path) -> list[Utterance]:
    root = Path(entry["root"])
    if not root.is_dir():
        return read_manifest(read)
    if "manifest" in entry:
        return read_user_manifest(Path(entry["manifest"]), root, entry.get("columns")).utterances
    utterances: list[Utterance] = loader.read_release(root).utterances
    return utterances
