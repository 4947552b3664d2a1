"""Actors, acting and raters of the demo corpora: how an emotion becomes sound, and how it is labelled.

An utterance has an attitude (arousal, valence, dominance, each about -1..1): its emotion's position plus chance.
Sound and ratings both follow from the attitude, so they agree as far as chance and speakers' habits allow.
None of the numbers describes real speech: they are chosen so that a plain classifier does well on unseen
speakers, but not perfectly.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.fft import next_fast_len

from ser.corpora.demo.espeak import Synthesiser

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.6

# Emotion -> arousal, valence, dominance.
ATTITUDES: dict[str, tuple[float, float, float]] = {
    "neutral": (-0.15, 0.0, 0.05),
    "happy": (0.5, 0.75, 0.25),
    "excited": (0.8, 0.7, 0.3),
    "sad": (-0.75, -0.55, -0.55),
    "angry": (0.75, -0.7, 0.7),
    "frustrated": (0.3, -0.6, 0.3),
    "fearful": (0.6, -0.55, -0.8),
    "surprised": (0.75, 0.2, -0.25),
    "disgusted": (0.0, -0.75, 0.3),
    "contempt": (-0.2, -0.4, 0.7),
    "other": (0.0, 0.1, -0.4),
}


@dataclass(frozen=True)
class Speaker:
    """A voice: an espeak-ng variant and this speaker's own habits, in espeak's units and decibels."""

    voice: str
    rate: float
    pitch: float
    pitch_range: float
    level: float
    tilt: float
    expression: float


@dataclass(frozen=True)
class Take:
    """One spoken utterance: float32 [n] at 16 kHz, and its attitude [3] (arousal, valence, dominance)."""

    samples: np.ndarray
    attitude: np.ndarray

    @property
    def seconds(self) -> float:
        """Its length, including the room noise before and after the speech."""
        return len(self.samples) / SAMPLE_RATE


def speaker(voice: str, rng: np.random.Generator, expression: float = 1.0) -> Speaker:
    """Draw the habits of one speaker; `expression` is how much of an attitude speakers like this one show."""
    return Speaker(
        voice=voice,
        rate=175 * np.exp(rng.normal(0, 0.07)),
        pitch=45 + rng.normal(0, 6),
        pitch_range=45 + rng.normal(0, 6),
        level=-33 + rng.normal(0, 2),
        tilt=rng.normal(0, 0.7),
        expression=expression * rng.uniform(0.8, 1.2),
    )


def act(
    synthesiser: Synthesiser,
    actor: Speaker,
    text: str,
    emotions: Sequence[str],
    spread: float,
    rng: np.random.Generator,
) -> Take:
    """Let `actor` speak `text`; several emotions mix. `spread` is the attitude's standard deviation."""
    mood = np.mean([ATTITUDES[emotion] for emotion in emotions], axis=0) + rng.normal(0, spread, 3)
    arousal, valence, dominance = actor.expression * mood
    chance = rng.normal(0, 1, 5)
    speech = synthesiser.say(
        text,
        actor.voice,
        rate=_whole(actor.rate * np.exp(0.16 * arousal + 0.08 * valence + 0.05 * chance[0]), 80, 450),
        pitch=_whole(actor.pitch + 14 * arousal + 8 * valence - 8 * dominance + 4 * chance[1], 0, 99),
        pitch_range=_whole(actor.pitch_range + 12 * arousal + 26 * valence + 6 * chance[2], 0, 99),
    )
    # A smile shortens the vocal tract: played faster, all formants rise.
    speech = resample(
        _trim(speech),
        round(synthesiser.sample_rate * (1 + 0.05 * valence)),
        SAMPLE_RATE,
        tilt=actor.tilt + 1.6 * arousal + 1.2 * dominance + 0.5 * chance[3],
    )
    speech = _voice_quality(
        speech,
        breath=0.12 - 0.1 * arousal - 0.08 * dominance,
        roughness=0.1 + 0.25 * (0.5 * arousal - valence + dominance),
        tremor=0.1 + 0.15 * (arousal - valence - 2 * dominance),
        rng=rng,
    )
    level = actor.level + 4 * arousal + 2 * dominance + 1.5 * chance[4]
    speech *= 10 ** (level / 20) / np.sqrt(np.mean(speech**2))
    before, after = rng.integers(SAMPLE_RATE // 20, SAMPLE_RATE // 6, 2)
    after = max(after, int(MIN_SECONDS * SAMPLE_RATE) - before - len(speech))
    room = rng.normal(0, 10 ** (rng.uniform(-65, -52) / 20), before + len(speech) + after)
    room[before : before + len(speech)] += speech
    return Take(np.clip(room, -1, 1).astype(np.float32), mood)


def resample(samples: np.ndarray, rate: int, to: int, tilt: float = 0.0) -> np.ndarray:
    """Change the sampling rate, by cutting or padding the spectrum; float64 [n * to / rate].

    `tilt` in decibels per octave makes the sound brighter (> 0) or duller, around 1 kHz. The signal should be
    silent at both ends, because the spectrum treats it as a loop. The pitch is right to 0.2 %: see `_quick_lengths`.
    """
    before, after = _quick_lengths(len(samples), to / rate)
    spectrum = np.fft.rfft(samples, before)
    if tilt:
        octaves = np.log2(np.maximum(np.fft.rfftfreq(before, 1 / rate), 100.0) / 1000)
        spectrum *= 10 ** (tilt * octaves / 20)
    return np.fft.irfft(spectrum, after)[: round(len(samples) * to / rate)] * (after / before)


def _quick_lengths(least: int, ratio: float) -> tuple[int, int]:
    """Lengths before and after, for which transforms take a fraction of the time that most others do: of the first two
    dozen of at least `least` samples, those nearest to `ratio`.
    """
    before, found = least, []
    for _ in range(24):
        before = next_fast_len(before)
        after = next_fast_len(round(before * ratio))
        found.append((abs(after / (before * ratio) - 1), before, after))
        before += 1
    return min(found)[1:]


def write_wav(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    """Write float [n] as 16-bit PCM, without waiting for the disk after each file as soundfile does."""
    memory = io.BytesIO()
    soundfile.write(memory, samples, rate, "PCM_16", format="WAV")
    path.write_bytes(memory.getbuffer())


def ratings(mood: np.ndarray, raters: int, low: int, high: int, rng: np.random.Generator) -> np.ndarray:
    """What each rater hears: whole numbers low..high, int64 [raters, 3] (arousal, valence, dominance)."""
    middle, half = (low + high) / 2, (high - low) / 2
    heard = middle + half * 0.9 * mood + rng.normal(0, 0.2 * half, (raters, 3))
    return np.clip(np.rint(heard), low, high).astype(int)


def votes(emotions: Sequence[str], raters: int, vocabulary: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The raters' categories: a majority for one emotion, a tie of the first two for several."""
    if len(emotions) > 1:
        ballot = [emotions[k % 2] for k in range(raters - raters % 2)]
        others = [word for word in vocabulary if word not in emotions]
        ballot += [str(rng.choice(others))] if raters % 2 else []
    else:
        agree = int(rng.integers(raters // 2 + 1, raters + 1))
        others = [word for word in vocabulary if word != emotions[0]]
        ballot = [emotions[0]] * agree + [str(word) for word in rng.choice(others, raters - agree)]
    return [ballot[k] for k in rng.permutation(raters)]


def quota(weights: Mapping[str, float], number: int, least: int, rng: np.random.Generator) -> list[str]:
    """`number` labels in random order, roughly in proportion to `weights`, each at least `least` times."""
    shares = {label: weight / sum(weights.values()) * number for label, weight in weights.items()}
    counts = {label: max(least, int(share)) for label, share in shares.items()}
    while (excess := sum(counts.values()) - number) != 0:
        # The label that is furthest above (or below) its share loses (or gains) one.
        free = [label for label in weights if excess < 0 or counts[label] > least]
        if not free:
            raise ValueError(f"{number} utterances are fewer than {least} for each of {len(weights)} labels")
        label = max(free, key=lambda name: (counts[name] - shares[name]) * np.sign(excess))
        counts[label] -= int(np.sign(excess))
    labels = [label for label, count in counts.items() for _ in range(count)]
    return [labels[k] for k in rng.permutation(number)]


def _whole(value: float, low: int, high: int) -> int:
    return int(np.clip(np.rint(value), low, high))


def _trim(speech: np.ndarray) -> np.ndarray:
    """Cut the silence that espeak-ng puts around a sentence, except for 20 ms."""
    loud = np.flatnonzero(np.abs(speech) > 1e-3)
    margin = 441
    return speech[max(0, loud[0] - margin) : loud[-1] + margin]


def _voice_quality(
    speech: np.ndarray, breath: float, roughness: float, tremor: float, rng: np.random.Generator
) -> np.ndarray:
    """Add breath (noise that follows the loudness), roughness (70 Hz growl) and tremor (6 Hz shake)."""
    seconds = np.arange(len(speech)) / SAMPLE_RATE
    loudness = np.convolve(np.abs(speech), np.full(160, 1 / 160), mode="same")
    growl, shake = (
        np.clip(depth, 0, 0.8) * np.sin(2 * np.pi * (rate * seconds + rng.uniform()))
        for depth, rate in ((roughness, rng.uniform(60, 80)), (tremor, rng.uniform(5, 7)))
    )
    noise = max(breath, 0.0) * loudness * rng.normal(0, 1, len(speech))
    voice: np.ndarray = speech * (1 + growl) * (1 + shake) + noise
    return voice
