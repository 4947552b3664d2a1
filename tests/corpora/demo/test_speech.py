from collections import Counter

import numpy as np
import pytest

from ser.corpora.demo import espeak, speech
from ser.errors import InputError


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="module")
def synthesiser():
    return espeak.Synthesiser(1)


def test_resampling_keeps_a_tone():
    rate, seconds = 22_050, 0.5
    wave = np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)
    resampled = speech.resample(wave, rate, 16_000)
    assert len(resampled) == 8_000
    np.testing.assert_allclose(resampled, np.sin(2 * np.pi * 440 * np.arange(8_000) / 16_000), atol=1e-3)


def test_tilt_is_in_decibels_an_octave_around_1_khz():
    time = np.arange(16_000) / 16_000
    for frequency, gain in ((500, -6), (1000, 0), (4000, 12)):
        wave = np.sin(2 * np.pi * frequency * time)
        tilted = speech.resample(wave, 16_000, 16_000, tilt=6)
        assert 20 * np.log10(np.std(tilted) / np.std(wave)) == pytest.approx(gain, abs=1e-6)


def test_quota_keeps_proportions_and_the_least(rng):
    assert Counter(speech.quota({"a": 6, "b": 3, "c": 1}, 20, 1, rng)) == {"a": 12, "b": 6, "c": 2}
    assert Counter(speech.quota({"a": 98, "b": 1, "c": 1}, 10, 2, rng)) == {"a": 6, "b": 2, "c": 2}
    with pytest.raises(ValueError, match="5 utterances are fewer"):
        speech.quota({"a": 1, "b": 1, "c": 1}, 5, 2, rng)


@pytest.mark.parametrize("raters", [3, 5, 6, 7])
def test_votes_agree_on_one_emotion_and_tie_on_two(raters, rng):
    words = ("sad", "angry", "neutral", "happy")
    for _ in range(50):
        (winner, most), *rest = Counter(speech.votes(("sad",), raters, words, rng)).most_common()
        assert winner == "sad" and all(count < most for _, count in rest)
        ranking = Counter(speech.votes(("sad", "angry"), raters, words, rng)).most_common()
        assert ranking[0][1] == ranking[1][1]
        assert sum(count for _, count in ranking) == raters


def test_ratings_follow_the_attitude_within_the_scale(rng):
    ratings = speech.ratings(np.array([1.5, 0.0, -0.5]), 500, 1, 7, rng)
    assert ratings.shape == (500, 3) and ratings.min() >= 1 and ratings.max() == 7
    np.testing.assert_allclose(ratings.mean(axis=0), [7.0, 4.0, 4 - 3 * 0.9 * 0.5], atol=0.1)


def test_an_actor_shows_arousal_in_rate_and_level(synthesiser, rng):
    actor = speech.speaker("en-us+m1", rng)
    text = "There is a letter for you downstairs."
    angry, sad = (
        [speech.act(synthesiser, actor, text, (emotion,), 0.1, rng) for _ in range(5)] for emotion in ("angry", "sad")
    )
    assert max(take.seconds for take in angry) < min(take.seconds for take in sad)
    assert min(np.std(take.samples) for take in angry) > 1.5 * max(np.std(take.samples) for take in sad)
    assert all(take.samples.dtype == np.float32 and np.abs(take.samples).max() <= 1 for take in angry + sad)


def test_mandarin_is_spoken(synthesiser):
    assert 0.5 < len(synthesiser.say("火车下午三点到。", "cmn+f1")) / synthesiser.sample_rate < 4


def test_espeak_says_what_is_wrong(synthesiser):
    with pytest.raises(InputError, match="no voice 'tlh\\+f1'"):
        synthesiser.say("Hello.", "tlh+f1")
    with pytest.raises(InputError, match="says nothing for ''"):
        synthesiser.say("", "en-us+f1")
    with pytest.raises(RuntimeError, match="one Synthesiser per process"):
        espeak.Synthesiser(1)
