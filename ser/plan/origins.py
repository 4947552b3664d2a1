"""What comes from outside the workflow, recordings and checkpoints: where it is, and digests of its content.

At scale demo all of it is made here; tiny encoders are at any scale, unless params.yaml names a folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser.encoders.checkpoint import DESCRIPTION, checkpoint_digest, checkpoint_files
from ser.files import alone_with, atomic_file
from ser.manifests.tree import recorded_digest, tree_digest
from ser.plan.places import Places


class Origins:
    """The recordings and checkpoints of a plan; `params` is the content of params.yaml.

    `is_job`: asked by a job of a build, which takes the recordings' digest from the manifest that it works with and
    does not scan them again.
    """

    def __init__(self, params: Mapping[str, Any], is_job: bool = False) -> None:
        self.is_demo = params["scale"] == "demo"
        self._params, self._is_job = params, is_job
        self._places = Places.of(params["scale"])
        self._scanned: dict[str, str] = {}

    def corpus(self, corpus: str) -> Mapping[str, Any]:
        """The entry of a corpus in params.yaml: root, manifest, on_unreadable."""
        entry: Mapping[str, Any] = {} if self.is_demo else self._params["corpora"][corpus]
        return entry

    def root(self, corpus: str) -> str:
        """The folder of a release tree."""
        return self._places.release(corpus) if self.is_demo else str(self.corpus(corpus)["root"])

    def recordings(self, corpus: str) -> str:
        """A digest that changes when the recordings, or a user's manifest of them, do; "demo" if they are made here.

        Raises InputError as `tree_digest` does.
        """
        record = self._places.manifest(corpus, ".tree.json")
        return (self._is_job and recorded_digest(record)) or self.scan(corpus)

    def scan(self, corpus: str) -> str:
        """`recordings`, from the files as they are now."""
        if corpus not in self._scanned:
            record = self._places.manifest(corpus, ".tree.json")
            self._scanned[corpus] = (
                "demo" if self.is_demo else tree_digest(self.root(corpus), record, self.corpus(corpus).get("manifest"))
            )
        return self._scanned[corpus]

    def is_made_here(self, encoder: str) -> bool:
        """Whether the workflow writes this checkpoint, tiny and random."""
        return self.is_demo or encoder not in self._params["encoders"]

    def encoder(self, encoder: str) -> str:
        """The folder of a checkpoint."""
        return self._places.encoder(encoder) if self.is_made_here(encoder) else str(self._params["encoders"][encoder])

    def description(self, encoder: str) -> str:
        """The file that describes a checkpoint; one from outside is known by its folder."""
        folder = self.encoder(encoder)
        return f"{folder}/{DESCRIPTION}" if self.is_made_here(encoder) else folder

    def encoder_files(self, encoder: str | None) -> list[str]:
        """The files of a checkpoint that are read; none without an encoder. Raises InputError if one is missing."""
        if not encoder:
            return []
        folder = self.encoder(encoder)
        if self.is_made_here(encoder):  # and may not be there yet
            return [f"{folder}/{name}" for name in ("config.json", "model.safetensors", DESCRIPTION)]
        return [str(path) for path in checkpoint_files(Path(folder))]

    def weights(self, encoder: str) -> str:
        """The digest of a checkpoint's content; it is read again only when a file's size or time has changed."""
        folder = Path(self.encoder(encoder))
        files = {path.name: [(status := path.stat()).st_size, status.st_mtime_ns] for path in checkpoint_files(folder)}
        record = Path(f".snakemake/ser.{encoder}.json")  # of this machine: it holds times
        try:
            known = json.loads(record.read_text(encoding="utf-8"))
            if known["files"] == files:
                return str(known["digest"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # no record, or not one of ours: it is written anew
        digest = checkpoint_digest(folder)
        with alone_with(record), atomic_file(record) as temporary:
            temporary.write_text(json.dumps({"digest": digest, "files": files}), encoding="utf-8")
        return digest
