"""What is seen in a folder: nothing, or words for emotions."""

from pathlib import Path

import pytest

from ser.errors import InputError
from ser.manifests.utterance import EMOTIONS
from ser.scaffold.emotion_words import MEANING
from ser.scaffold.layout import look


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recordings in it"):
        look(tmp_path)


def test_every_word_means_an_emotion_of_the_project() -> None:
    assert {*MEANING.values()} == {*EMOTIONS}
