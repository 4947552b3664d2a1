"""Area attention: shapes at every stage, size, attention over areas by hand, segments, warps, learning."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio

from helpers import ROOT
from helpers.params import params
from helpers.spectrogram_folds import TRAINING, settings
from helpers.training import unlearned
from ser.errors import InputError
from ser.features.packing import write_store
from ser.features.store import Store
from ser.plan.load import load_plan
from ser.runs.contract import Context, Fold, Part
from ser.systems import area_attention
from ser.systems.area_attention import AreaAttention, AreaAttentionNetwork, Task, Warped, run, warped

PAPER = settings(
    area_attention,
    **TRAINING | {"schedule": "constant", "optimiser": "adam", "weight_decay": 1e-6, "gradient_clip": 0.0},
    segment_seconds=2.0,
    train_hop=1.0,
    test_hop=0.4,
    n_mels=128,
    vtlp_copies=1,
    vtlp_range=0.2,
    vtlp_hz=4800.0,
    area_height=3,
    area_width=3,
    width=1.0,
    attention_dropout=0.5,
)
SMALL = replace(PAPER, segment_seconds=0.5, n_mels=16, width=0.25, attention_dropout=0.0)
PARTS = {"train": 16, "dev": 4, "test": 4}


def fold(folder: Path, seconds: float = 0.6) -> Fold:
    """Tones of four pitches in noise."""
    rng, names = np.random.default_rng(0), [f"{part}{i}" for part, n in PARTS.items() for i in range(n)]
    sounds = {}
    for name in names:
        hertz = (300, 900, 2000, 5000)[int(name.strip("traindevs")) % 4]
        tone = np.sin(2 * np.pi * hertz * np.arange(round(seconds * 16_000)) / 16_000 + rng.uniform(0, 6))
        sounds[name] = (3000 * tone + rng.normal(0, 300, len(tone))).astype(np.int16)
    path = folder / "audio.safetensors"
    write_store(path, names, lambda some: [sounds[name] for name in some], key="k", metadata={"feature": "{}"})

    def part(prefix: str) -> Part:
        n = PARTS[prefix]
        return Part(tuple(f"{prefix}{i}" for i in range(n)), ("s",) * n, np.arange(n) % 4)

    return Fold(1, ("a", "b", "c", "d"), part("train"), part("dev"), part("test"), {"audio": Store(path)})


def test_shapes_at_every_stage():
    network = AreaAttentionNetwork(128, 81, 4, PAPER).eval()
    mel = torch.zeros(2, 1, 128, 81)
    maps = [torch.cat([network.of_frequency(mel), network.of_time(mel)], dim=2)]
    for stage in network.body:
        maps.append(stage(maps[-1]))
    sizes = [(*x.shape[2:], x.shape[1]) for x in maps]
    assert sizes[0] == (256, 81, 16)
    assert sizes[2:] == [(128, 40, 32), (128, 40, 48), (64, 20, 48), (64, 20, 64), (64, 20, 80)]
    assert network.attention(maps[-1]).shape == maps[-1].shape
    assert network.classifier.in_features == 102_400
    assert network(mel).shape == (2, 4)


def test_parameters():
    kernels = 16 * (10 * 2 + 2 * 8) + 9 * (16 * 32 + 32 * 48 + 48 * 64 + 64 * 80)
    expected = kernels + 2 * (16 + 16 + 32 + 48 + 64 + 80) + 102_400 * 4 + 4
    assert expected == 502_852
    assert sum(p.numel() for p in AreaAttentionNetwork(128, 81, 4, PAPER).parameters()) == expected


def test_attention_over_areas_by_hand():
    """Every rectangle of up to 2 x 3 cells of a 3 x 4 map, one after the other."""
    x = torch.randn(1, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    grid = x[0].numpy()
    areas = [
        grid[:, top : top + h, left : left + w].reshape(5, -1)
        for h in (1, 2)
        for w in (1, 2, 3)
        for top in range(3 - h + 1)
        for left in range(4 - w + 1)
    ]
    assert len(areas) == 12 + 9 + 6 + 8 + 6 + 4
    keys, values = np.stack([a.mean(1) for a in areas]), np.stack([a.sum(1) for a in areas])
    expected = np.empty_like(grid)
    for row in range(3):
        for column in range(4):
            energy = np.exp(keys @ grid[:, row, column] / math.sqrt(5))
            expected[:, row, column] = energy / energy.sum() @ values
    found = AreaAttention(2, 3, 0.5).eval()(x)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_areas_of_one_cell_are_self_attention():
    x = torch.randn(2, 5, 3, 4)
    tokens = x.flatten(2).transpose(1, 2)
    weights = (tokens @ tokens.transpose(1, 2) / math.sqrt(5)).softmax(dim=2)
    torch.testing.assert_close(AreaAttention(1, 1, 0.0)(x).flatten(2), (weights @ tokens).transpose(1, 2))


def test_the_front_end_is_that_of_torchaudio(tmp_path):
    given = fold(tmp_path, seconds=2.0)
    task = Task(given, PAPER)
    batch = task.collate(task.examples(given.test, None), None)
    assert batch["mel"].shape == (4, 1, 128, 81)
    wave = torch.from_numpy(np.stack([given.stores["audio"][name] for name in given.test.utterances])) / 32768
    window = torch.hann_window(800)
    power = torch.stft(wave, 800, 400, window=window, pad_mode="reflect", return_complex=True).abs() ** 2
    bank = torchaudio.functional.melscale_fbanks(401, 0, 8000, 128, 16_000, "slaney", "slaney")
    expected = (bank.T @ power).clamp_min(1e-10).log10()
    torch.testing.assert_close(batch["mel"][:, 0], expected, atol=2e-3, rtol=0)


def test_segments_and_their_copies(tmp_path):
    given = fold(tmp_path, seconds=3.5)
    task = Task(given, replace(PAPER, vtlp_copies=2))
    scored = [example for example in task.examples(given.test, None) if example.index == 0]
    assert [example.start for example in scored] == [0, 6_400, 12_800, 19_200]  # every 0.4 s, up to 1.5 s
    trained = [example for example in task.examples(given.train, np.random.default_rng()) if example.index == 0]
    assert [(example.start, isinstance(example, Warped)) for example in trained] == [
        *((0, False), (0, True), (0, True)),
        *((16_000, False), (16_000, True), (16_000, True)),
    ]
    short = fold(tmp_path, seconds=0.7)
    task = Task(short, PAPER)
    assert len(task.examples(short.test, None)) == 4
    silent = task.collate(task.examples(short.test, None), None)["mel"][..., 40:]
    torch.testing.assert_close(silent, torch.full_like(silent, -10))


@pytest.mark.parametrize(
    ("factor", "moves"),
    [
        (1.0, {1000: 1000, 4000: 4000, 7000: 7000}),
        (1.2, {1000: 1200, 4000: 4800, 6000: 6400}),  # bends at 4,000 Hz, from there 0.8 Hz per Hz
        (0.8, {1000: 800, 4000: 3200, 6000: 5400, 7000: 6700}),  # bends at 4,800 Hz, from there 1.3 Hz per Hz
    ],
)
def test_a_warp_moves_tones(factor, moves):
    for hertz, arrives in moves.items():
        power = np.zeros((1, 401), np.float32)
        power[0, hertz // 20] = 1.0
        found = warped(power, factor, 4800.0)[0]
        assert abs(found.argmax() * 20 - arrives) <= 20
    power = np.linspace(0, 1, 401, dtype=np.float32)[None]
    np.testing.assert_allclose(warped(power, 1.0, 4800.0), power, atol=1e-6)
    assert warped(power, factor, 4800.0)[0, -1] == pytest.approx(1.0)


def test_only_copies_are_warped_and_only_in_training(tmp_path):
    given = fold(tmp_path)
    task = Task(given, SMALL)
    plain, copy = task.examples(given.train, np.random.default_rng(0))[:2]
    heard = [task.collate([example], np.random.default_rng(1))["mel"] for example in (plain, copy, copy)]
    assert torch.equal(heard[0], task.collate([plain], None)["mel"])
    assert torch.equal(heard[1], heard[2]) and not torch.equal(heard[0], heard[1])


def test_gradients_reach_every_parameter(tmp_path):
    given = fold(tmp_path)
    task = Task(given, SMALL)
    assert unlearned(task, task.network(), given.train) == set()


def test_overfits_sixteen_utterances(tmp_path):
    given = fold(tmp_path)
    hard = replace(SMALL, epochs=15, learning_rate=0.01, vtlp_copies=0)
    outcome = run(replace(given, dev=given.train, test=given.train), hard, Context(seed=1))
    assert (outcome.scores.argmax(1) == given.train.targets).mean() > 0.95


def test_same_seed_same_bits(tmp_path):
    given = fold(tmp_path)
    first, again, other = (run(given, replace(SMALL, attention_dropout=0.5), Context(seed=seed)) for seed in (1, 1, 2))
    assert first.scores.tobytes() == again.scores.tobytes() != other.scores.tobytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"area_width": 6}, "area_height and area_width are 3 and 6, but the map has 8 x 5 cells"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        run(fold(tmp_path), replace(SMALL, **changes), Context(seed=1))


def test_the_two_headline_rows_differ_in_what_chooses_the_epoch():
    plan = load_plan(params(scale="paper", experiments={"area_attention": "all"}), ROOT)
    of_wa, of_ua = (
        dict(next(group for group in plan.groups if group.row == row).settings) for row in ("vtlp_3x3", "vtlp_3x3_ua")
    )
    assert {name for name in of_wa if of_wa[name] != of_ua[name]} == {"criterion"}
    claims = {(claim["row"], claim["metric"]): claim["value"] for claim in plan.experiments["area_attention"]["claims"]}
    assert claims == {("vtlp_3x3", "WA"): 79.34, ("vtlp_3x3_ua", "UA"): 77.54}
