"""What the page shows and plays of an utterance, and the file that holds it until the page is written."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ser.sealed import Provenance, read_sealed, write_sealed


@dataclass(frozen=True)
class Example:
    """An utterance: an image of what a system made of it, and its recording.

    `title` names the utterance. The `caption` stands alone: what the image shows, of which run, and what is heard; a
    screen reader reads it in place of the image. `group` is the run group. The types are media types that browsers
    show by themselves: image/svg+xml, image/png or image/webp; audio/mpeg, audio/ogg or audio/flac.
    """

    title: str
    caption: str
    group: str
    image: bytes
    image_type: str
    audio: bytes
    audio_type: str


def write_examples(path: Path, found: Sequence[Example], without: Mapping[str, str], provenance: Provenance) -> None:
    """Write the examples, and why a system that could have some is `without`, by its name."""
    texts = [
        asdict(one) | {"image": b64encode(one.image).decode(), "audio": b64encode(one.audio).decode()} for one in found
    ]
    write_sealed(path, {"examples": texts, "without": dict(without), **provenance.facts})


def read_examples(path: Path) -> tuple[list[Example], dict[str, str]]:
    """What `write_examples` wrote. Raises InputError if there is no such file, or one that is not as it was written."""
    facts = read_sealed(path)
    found = [
        Example(**one | {"image": b64decode(one["image"]), "audio": b64decode(one["audio"])})
        for one in facts["examples"]
    ]
    return found, facts["without"]
