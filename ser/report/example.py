"""What the page shows and plays of an utterance."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """An utterance: an image of what a system made of it, and its recording.

    `title` names the utterance. The `caption` stands alone: what the image shows, of which run, and what is heard; a
    screen reader reads it in place of the image. `group` is the run group. The types are media types that browsers
    show by themselves: image/svg+xml, image/png or image/webp; audio/ogg or audio/flac.
    """

    title: str
    caption: str
    group: str
    image: bytes
    image_type: str
    audio: bytes
    audio_type: str
