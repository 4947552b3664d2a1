"""Which emotions a protocol has no class for. Only the standard library is imported: a build says it at its end."""

from collections.abc import Mapping

from ser.errors import listed


def left_out_emotions(left_out: Mapping[str, int]) -> list[str]:
    """A note on a split's utterances that are left out (`Split.left_out`) because no class names their emotion."""
    counts = {reason.removeprefix("emotion "): number for reason, number in left_out.items() if _is_emotion(reason)}
    if not counts:
        return []
    each = listed(f"{emotion} {number:,}" for emotion, number in sorted(counts.items()))
    return [f"{sum(counts.values()):,} utterances are left out for their emotion: {each}"]


def _is_emotion(reason: str) -> bool:
    return reason.startswith("emotion ") and not reason.endswith(" outside train")
