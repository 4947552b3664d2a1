"""Words and abbreviations by which corpora name emotions -> the project's word (ser/manifests/utterance.py).

From the label lists of the corpora of EmoBox's metadata and of the loaders here; single letters and numbers mean
something else in each corpus, and are not guessed.
"""

_WORDS = {
    "neutral": "neutral neu neut ntr neutrality normal neutre neutro neutrale",
    "happy": "happy hap happiness joy joyful freude joie gioia alegria felicidad felicita",
    "sad": "sad sadness trauer traurig tristesse tristezza tristeza triste",
    "angry": "angry ang anger wut aerger colere rabbia enojo ira",
    "fearful": "fearful fear fea afraid scared anxious anxiety angst peur paura miedo",
    "disgusted": "disgusted disgust dis ekel degout disgusto asco",
    "surprised": "surprised surprise sur ps pleasant_surprise pleasant_surprised ueberraschung sorpresa",
    "bored": "bored boredom langeweile",
    "excited": "excited exc excitement",
    "frustrated": "frustrated fru frustration",
    "calm": "calm relaxed",
    "contempt": "contempt",
    "other": "other oth",
    "no_agreement": "no_agreement xxx",
}
MEANING = {word: emotion for emotion, words in _WORDS.items() for word in words.split()}


def emotion_of(text: str) -> str | None:
    """The project's word for a value, None where it is none that is known."""
    return MEANING.get(text.strip().lower().replace(" ", "_").replace("-", "_"))
