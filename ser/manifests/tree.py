"""The digest of a corpus's folder: as long as it is the same, there is nothing to do.

It is computed each time the workflow is parsed, so it looks at names, sizes and modification times only. Copying or
touching files changes their times but not their content; the record written with a manifest keeps hashes of the
content, which tell such changes from real ones.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.files import atomic_file, sha256_of

# At most this many changed files are read while the workflow is parsed.
_REREAD = 2_000
# A file that no manifest names (labels, video, motion capture) is hashed up to this size in bytes; above it, its
# size and modification time must suffice.
_HASHED = 4 << 20

Files = dict[str, tuple[int, int]]  # path below the root -> size in bytes, modification time in ns


def scan(root: Path | str) -> Files:
    """All files below `root`, sorted, without dot files; links are followed. Raises InputError if it is no folder."""
    files: Files = {}
    seen: set[tuple[int, int]] = set()
    todo = [""]
    while todo:
        prefix = todo.pop()
        folder = os.path.join(root, prefix)  # noqa: PTH118 (as text: quick, at each start of the workflow)
        try:
            status = os.stat(folder)  # noqa: PTH116 (the same)
            if (status.st_dev, status.st_ino) in seen:  # a link to a folder above it
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as found:
                for entry in found:
                    if entry.name.startswith("."):
                        continue
                    if _is_folder(entry):
                        todo.append(f"{prefix}{entry.name}/")
                    else:
                        files[prefix + entry.name] = _size_and_time(entry)
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be listed: {error.strerror}: check the corpus root, and your right to read it"
                " (chmod -R u+rX)"
            ) from None
    return dict(sorted(files.items()))


def tree_digest(root: Path | str, record: Path | str | None = None, manifest: Path | str | None = None) -> str:
    """64 hex digits that change when the corpus below `root` does; standard library only, and quick.

    Without a usable `record` it is a hash over (path, size, modification time) of all files. With one, it is the
    record's own digest as long as each file has the recorded size and time or, for at most 2,000 files whose time alone
    differs, the recorded SHA-256. A user's `manifest` counts by its content; of the audio, the whole tree counts and
    not only the files that the manifest names, since it may be Parquet, which is too slow to open here.

    Recordings that are no longer there have the digest of their record: what was read from them remains valid.

    Raises InputError for a root that is not a folder, if there is no record, and a manifest that cannot be read.
    """
    if record and not os.path.isdir(root) and (digest := recorded_digest(record)):  # noqa: PTH112 (Path may raise)
        return digest
    files = scan(root)
    manifest_hash = _manifest_hash(manifest)
    fresh = _stat_hash(files, manifest_hash)
    known = _read_record(record, fresh) if record else None
    if known and (known["stat"] == fresh or (known["manifest"] == manifest_hash and _same_content(root, files, known))):
        recorded: str = known["digest"]
        return recorded
    return fresh


def record_tree(
    root: Path | str,
    files: Files,
    digest: str,
    path: Path | str,
    hashes: Mapping[str, str] | None = None,
    manifest: Path | str | None = None,
) -> None:
    """Write the record that `tree_digest` compares with: `digest`, and the size, time and SHA-256 of each of `files`.

    `files` come from `scan`; `hashes` are SHA-256 that are already known, by path, and are not computed again.
    """
    hashes = hashes or {}
    manifest_hash = _manifest_hash(manifest)
    head = {"digest": digest, "stat": _stat_hash(files, manifest_hash), "manifest": manifest_hash}
    content = {
        name: [size, time, hashes.get(name) or (_sha256(Path(root, name)) if size <= _HASHED else "")]
        for name, (size, time) in files.items()
    }
    with atomic_file(path) as temporary:
        # The first line holds all that is read when nothing has changed.
        lines = f'{json.dumps(head)[:-1]},\n"files": {json.dumps(content, separators=(",", ":"))}}}\n'
        temporary.write_text(lines, encoding="utf-8")


def _stat_hash(files: Files, manifest_hash: str) -> str:
    digest = hashlib.sha256(f"{manifest_hash}\n".encode())
    lines = "".join(f"{path}\0{size}\0{time}\n" for path, (size, time) in files.items())
    digest.update(lines.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _same_content(root: Path | str, files: Files, record: Mapping[str, Any]) -> bool:
    known = record["files"]
    if files.keys() != known.keys():
        return False
    moved = []
    for path, (size, time) in files.items():
        known_size, known_time, sha256 = known[path]
        if size != known_size or (time != known_time and not sha256):
            return False
        if time != known_time:
            moved.append(path)
    return len(moved) <= _REREAD and all(_sha256(Path(root, path)) == known[path][2] for path in moved)


def _read_record(path: Path | str, fresh: str) -> dict[str, Any] | None:
    """The record, without its files if its `stat` is `fresh`; None if it is not a complete record."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            head = file.readline()
            record = json.loads(head.rstrip().rstrip(",") + "}")
            if record["stat"] != fresh:
                record = json.loads(head + file.read())
        usable = {"digest", "manifest", "stat"} <= record.keys() and (record["stat"] == fresh or "files" in record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return record if usable else None


def recorded_digest(path: Path | str) -> str:
    """The digest in the record at `path`; "" where there is no usable one."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            return str(json.loads(file.readline().rstrip().rstrip(",") + "}")["digest"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _size_and_time(entry: os.DirEntry[str]) -> tuple[int, int]:
    try:
        status = entry.stat()
    except OSError:  # a link to nothing
        status = entry.stat(follow_symlinks=False)
    return status.st_size, status.st_mtime_ns


def _manifest_hash(manifest: Path | str | None) -> str:
    if manifest is None:
        return ""
    if not (digest := _sha256(manifest)):
        raise InputError(f"{manifest}: no such manifest, or it cannot be read")
    return digest


def _sha256(path: Path | str) -> str:
    """Empty for a file that cannot be read; it then counts as changed."""
    try:
        return sha256_of(path)
    except OSError:
        return ""
