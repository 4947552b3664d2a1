"""The pictures of docs/protocols.md: small corpora, dealt to folds by the code that deals the real ones.

python docs/generate/pictures.py    # writes docs/pictures/protocol_*.svg
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from ser.manifests.utterance import Utterance
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.split import PARTS

FOLDER = Path(__file__).parents[1] / "pictures"
COLOURS = {"train": "#cfd8dc", "dev": "#f2a541", "test": "#1f4e79", "reported": "#8fb8de"}
WIDTH, ROW = 560, 18  # of a picture and of a fold, in pixels

SPEAKERS = {"folds": {"kind": "leave_one_out", "group": "speaker", "number": 10}}
SESSIONS = {"folds": {"kind": "leave_one_out", "group": "session", "number": 5}}
OFFICIAL = {"kind": "official", "train": ["train"], "test": ["test1", "test2"]}
# Picture -> (title, protocol, selection, seed) of each of its parts.
PICTURES: dict[str, list[tuple[str, dict[str, Any], str, int | None]]] = {
    "leave_one_out": [
        ("leave_one_out of speakers, dev: next_group", SPEAKERS | {"dev": {"kind": "next_group"}}, "clean", None),
        ("the same, dev: other_of_session", SPEAKERS | {"dev": {"kind": "other_of_session"}}, "clean", None),
        ("leave_one_out of sessions, dev: next_group", SESSIONS | {"dev": {"kind": "next_group"}}, "clean", None),
        (
            "the same, dev: speaker_of_next_session",
            SESSIONS | {"dev": {"kind": "speaker_of_next_session", "seed": 1}},
            "clean",
            None,
        ),
    ],
    "group_k_fold": [
        (
            "group_k_fold of speakers, number: 4, balance: gender, dev: next_group",
            {
                "folds": {"kind": "group_k_fold", "group": "speaker", "number": 4, "seed": 1, "balance": "gender"},
                "dev": {"kind": "next_group"},
            },
            "clean",
            None,
        ),
    ],
    "random": [
        (
            "random_k_fold, number: 5, dev: random, fraction: 0.2",
            {
                "folds": {"kind": "random_k_fold", "number": 5, "seed": 1},
                "dev": {"kind": "random", "fraction": 0.2, "seed": 1},
            },
            "clean",
            None,
        ),
    ],
    "texts": [
        (
            "leave_one_out of sessions, texts: 2, dev: next_group",
            {
                "folds": {"kind": "leave_one_out", "group": "session", "number": 5, "texts": 2},
                "dev": {"kind": "next_group"},
            },
            "clean",
            None,
        ),
    ],
    "official": [
        (
            "official, with an official dev part that is also reported",
            {"folds": {**OFFICIAL, "dev": ["dev"], "also_report": ["dev"]}, "dev": {"kind": "official"}},
            "test_selected",
            None,
        ),
        *(
            (
                f"official, dev: drawn from the part dev, seed {seed}",
                {
                    "folds": {**OFFICIAL, "test": ["dev", "test1", "test2"]},
                    "dev": {"kind": "drawn", "part": "dev", "per_emotion": 2},
                },
                "clean",
                seed,
            )
            for seed in (1, 2)
        ),
    ],
    "selection": [
        (f"selection: {selection}", SESSIONS | {"dev": {"kind": "next_group"}}, selection, None)
        for selection in ("clean", "test_selected", "last_epoch")
    ],
}


def corpus() -> list[Utterance]:
    """Five sessions of a woman and a man, each of whom says four texts; the official parts are of whole sessions."""
    parts = ("train", "train", "dev", "test1", "test2")
    return [
        Utterance(
            utterance=f"{session}{gender}{text}",
            path=f"{session}{gender}{text}.wav",
            speaker=f"{session}{gender}",
            session=str(session),
            sentence=str(text),
            gender=gender,
            emotion=("angry", "sad")[text % 2],
            sha256=f"{session}{gender}{text}",
            partition=parts[session - 1],
        )
        for session in range(1, 6)
        for gender in "fm"
        for text in (0, 2, 1, 3)  # the two of a part of the texts beside each other
    ]


def stretches(fields: Mapping[str, Any], selection: str, seed: int | None) -> list[dict[str, Any]]:
    """Of each fold and speaker: neighbouring utterances that are in one part, as numbers from 0."""
    rows = {row.utterance: row for row in corpus()}
    whole = {"corpus": "example", "labels": {"angry": ["angry"], "sad": ["sad"]}, "aggregation": "pooled"}
    leaks = ["speakers", "sessions", "sentences"]
    protocol = Protocol.from_mapping({**whole, "leaks": leaks, **fields})
    split = make_split(protocol, selection, list(rows.values()), seed)
    part_of = dict(zip(split.utterances, split.parts.tolist(), strict=True))
    found = []
    for fold in range(split.n_folds):
        in_fold = [(row.speaker, PARTS[part_of[name][fold]]) for name, row in rows.items()]
        start = 0
        for (_, part), members in groupby(in_fold):
            end = start + len(list(members))
            if part:  # what is in no part of a fold stays white
                found.append({"left": start, "right": end, "fold": fold + 1, "part": part})
            start = end
    return found


def svg(parts: Sequence[tuple[str, dict[str, Any], str, int | None]]) -> str:
    """The picture of one or more protocols, below each other, with one legend."""
    speakers = [row.speaker for row in corpus()[::4]]
    labels = f"{speakers!r}[floor(datum.value / 4)]"
    axis = alt.Axis(values=list(range(2, 40, 4)), labelExpr=labels, title="utterances, by speaker", grid=False)
    drawn = [stretches(*protocol) for _, *protocol in parts]
    domain = [part for part in COLOURS if any(stretch["part"] == part for of in drawn for stretch in of)]
    colour = alt.Color("part:N", title=None, legend=alt.Legend(orient="top"))
    colour = colour.scale(domain=domain, range=[COLOURS[part] for part in domain])
    charts = []
    for (title, *_), of in zip(parts, drawn, strict=True):
        height = ROW * of[-1]["fold"]
        charts.append(
            alt.Chart(alt.Data(values=of), title=alt.Title(title, anchor="start"), width=WIDTH, height=height)
            .mark_rect(stroke="white", strokeWidth=1)
            .encode(
                x=alt.X("left:Q", axis=axis, scale=alt.Scale(domain=[0, 40], nice=False)),
                x2="right:Q",
                y=alt.Y("fold:O", title="fold"),
                color=colour,
            )
        )
    picture = alt.vconcat(*charts).configure_view(stroke=None).configure(background="white")
    return str(vl_convert.vegalite_to_svg(picture.to_json())) + "\n"


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, parts in PICTURES.items():
        (FOLDER / f"protocol_{name}.svg").write_text(svg(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
