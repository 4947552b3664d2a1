"""The one training loop: every torch system calls `fit` from its `run`.

What is random in an epoch (order, crops, augmentation, dropout) is seeded anew from (seed, epoch), so a run that
was killed and resumed after any epoch gives, on CPU, the same bits as one that was not.
"""

import math
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ser.checkpoint import State
from ser.errors import InputError
from ser.progress import progress
from ser.run import Context, Fold, Outcome, Part
from ser.selection import check_selection, dev_metrics, is_better


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained; each system's `Settings` adds its own fields. Every value stands in the
    experiment file with its source, so there are no defaults.

    `steps_per_epoch` optimiser steps make an epoch (0: one pass over the training part). `batch_size` examples
    go through the network at a time; `accumulation` such batches make one optimiser step. `one_cycle` is cosine
    warm-up from 1/25 of `learning_rate` over the first 30 % of the steps, then cosine decay to 1e-4 of that
    start (Smith and Topin 2018, numbers of torch's OneCycleLR). `gradient_clip` is the largest gradient norm
    (0: off). `patience` epochs without a better dev score end training (0: off). `average_decay` > 0 evaluates
    an exponential moving average of the weights. `selection` is what the best epoch maximises on the dev part
    (`loss`: minimises).
    """

    optimiser: Literal["adam", "adamw"]
    learning_rate: float
    weight_decay: float
    schedule: Literal["constant", "one_cycle"]
    epochs: int
    steps_per_epoch: int
    batch_size: int
    accumulation: int
    gradient_clip: float
    patience: int
    average_decay: float
    class_weights: Literal["none", "balanced"]
    label_smoothing: float
    precision: Literal["float32", "bfloat16"]
    selection: Literal["UA", "WA", "WA+UA", "CCC", "loss"]


@dataclass(frozen=True)
class Segment:
    """One example: frames [start, stop) of utterance number `index` of its part."""

    index: int
    utterance: str
    start: int
    stop: int
    target: Any

    def __len__(self) -> int:
        return self.stop - self.start


Batch = dict[str, Tensor]


class Task(Protocol):
    """What the loop asks of a system. A `generator` of None means evaluation: nothing may be random."""

    def network(self) -> nn.Module: ...

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Segment]: ...

    def collate(self, segments: Sequence[Segment], generator: np.random.Generator | None) -> Batch: ...

    def loss(self, network: nn.Module, batch: Batch, epoch: int) -> Tensor:
        """The scalar to minimise; `epoch` counts from 0."""
        ...

    def scores(self, network: nn.Module, batch: Batch) -> Tensor:
        """[B, K]: log-probabilities, or predicted attributes. An utterance's score is its segments' mean."""
        ...


def fit(task: Task, fold: Fold, settings: TrainingSettings, context: Context) -> Outcome:
    """Train on `fold.train`, choose the epoch on `fold.dev` (the first best; the last epoch if dev is empty),
    score `fold.test`.

    With `context.directory`, every epoch leaves a checkpoint there and a run under the same key goes on from it.
    Raises InputError when a part is empty, the settings do not fit the fold, or the loss stops being finite.
    """
    _check(fold, settings)
    _prepare(context)
    seed_everything(context.seed, 0)
    state = _start(task.network().to(context.device), settings)
    path = context.directory / "checkpoint.safetensors" if context.directory else None
    if path:
        state.resume(path, context.key)

    with progress(settings.epochs, f"fold {fold.number}", "epochs") as meter:
        meter.update(state.epoch)
        while state.epoch < settings.epochs and not 0 < settings.patience <= state.epoch - state.best_epoch:
            generator = seed_everything(context.seed, state.epoch + 1)
            row = _train_epoch(task, fold, settings, context.device, state, generator)
            if fold.dev.utterances:
                scores = predict(task, state.evaluated, fold.dev, settings, context.device)
                row |= {f"dev_{name}": value for name, value in dev_metrics(fold.dev.targets, scores).items()}
            state.epoch += 1
            state.history.append({"epoch": state.epoch, **row})
            best = state.history[state.best_epoch - 1]
            if not fold.dev.utterances or not state.best_epoch or is_better(row, best, settings.selection):
                state.keep()
            if path:
                state.save(path, context.key)
            meter.update(1)

    state.evaluated.load_state_dict(state.best)
    chosen = state.history[state.best_epoch - 1]
    parameters = list(state.network.parameters())
    return Outcome(
        scores=predict(task, state.evaluated, fold.test, settings, context.device),
        history=state.history,
        model={name: tensor.cpu().numpy() for name, tensor in state.best.items()},
        facts={
            "parameters": sum(p.numel() for p in parameters),
            "parameters_trainable": sum(p.numel() for p in parameters if p.requires_grad),
            "best_epoch": state.best_epoch,
            "epochs_run": state.epoch,
            **{name: value for name, value in chosen.items() if name.startswith("dev_")},
        },
    )


def seed_everything(*entropy: int) -> np.random.Generator:
    """Seed python, numpy and torch (all devices) from `entropy`; the generator given is a stream of its own."""
    words = [int(word) for word in np.random.SeedSequence(entropy).generate_state(4)]
    random.seed(words[0])
    np.random.seed(words[1])
    torch.manual_seed(words[2])
    return np.random.default_rng(words[3])


def class_weights(rule: str, targets: np.ndarray, classes: int) -> Tensor | None:
    """Weights [classes] for cross-entropy: `balanced` is n / (classes * n_c), 0 for a class without examples."""
    if rule == "none":
        return None
    counts = np.bincount(targets, minlength=classes)
    weights = np.divide(len(targets), classes * counts, out=np.zeros(classes), where=counts > 0)
    return torch.tensor(weights, dtype=torch.float32)


def predict(task: Task, network: nn.Module, part: Part, settings: TrainingSettings, device: str) -> np.ndarray:
    """Scores float64 [n, K] of a part's utterances, each the mean over its segments."""
    segments = sorted(task.examples(part, None), key=len)  # by length: little padding within a batch
    network.eval()
    scores = []
    with torch.inference_mode(), _autocast(settings, device):
        for batch in _batches(segments, settings.batch_size):
            scores.append(task.scores(network, _to(task.collate(batch, None), device)).double().cpu())
    values = torch.cat(scores).numpy()
    rows = np.array([segment.index for segment in segments])
    totals = np.zeros((len(part.utterances), values.shape[1]))
    np.add.at(totals, rows, values)
    return totals / np.bincount(rows, minlength=len(totals))[:, None]


def _check(fold: Fold, settings: TrainingSettings) -> None:
    for name in ("train", "test"):
        if not getattr(fold, name).utterances:
            raise InputError(f"fold {fold.number}: the {name} part has no utterances; check the protocol's folds")
    for name in ("epochs", "batch_size", "accumulation"):
        if getattr(settings, name) < 1:
            raise InputError(f"setting {name} is {getattr(settings, name)}; it must be at least 1")
    check_selection(settings.selection, fold.train.targets)


def _prepare(context: Context) -> None:
    if context.device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device is {context.device}, but torch finds no GPU; use cpu")
    torch.set_num_threads(context.threads)
    torch.use_deterministic_algorithms(context.deterministic)
    if context.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may differ between runs
        torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32, also in convolutions


def _start(network: nn.Module, settings: TrainingSettings) -> State:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimiser]
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = kind(trainable, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    average = None
    if settings.average_decay > 0:
        update = get_ema_multi_avg_fn(settings.average_decay)
        average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    return State(network, optimiser, average)


def _train_epoch(
    task: Task, fold: Fold, settings: TrainingSettings, device: str, state: State, generator: np.random.Generator
) -> dict[str, float]:
    """One epoch: its mean loss and last learning rate."""
    state.network.train()
    batches = list(_epoch_batches(task, fold.train, settings, generator))
    groups = [batches[i : i + settings.accumulation] for i in range(0, len(batches), settings.accumulation)]
    losses = []
    for step, group in enumerate(groups):
        part = _schedule(settings.schedule, state.epoch * len(groups) + step, settings.epochs * len(groups))
        rate = settings.learning_rate * part
        for parameters in state.optimiser.param_groups:
            parameters["lr"] = rate
        state.optimiser.zero_grad()
        for segments in group:
            batch = _to(task.collate(segments, generator), device)
            with _autocast(settings, device):
                loss = task.loss(state.network, batch, state.epoch)
            (loss / settings.accumulation).backward()
            losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise InputError(
                f"fold {fold.number}: the training loss is {losses[-1]} in epoch {state.epoch + 1}; lower "
                f"learning_rate ({settings.learning_rate}) or set gradient_clip ({settings.gradient_clip})"
            )
        if settings.gradient_clip > 0:
            nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_clip)
        state.optimiser.step()
        if state.average is not None:
            state.average.update_parameters(state.network)
    return {"train_loss": float(np.mean(losses)), "learning_rate": rate}


def _schedule(name: str, step: int, steps: int) -> float:
    """The part of the learning rate that optimiser step `step` of `steps`, counted from 0, uses."""
    if name == "constant":
        return 1.0
    first, last, peak = 1 / 25, 1e-4 / 25, 0.3 * steps - 1
    start, end, x = (first, 1.0, step / peak) if step < peak else (1.0, last, (step - peak) / (steps - 1 - peak))
    return end + (start - end) * (1 + math.cos(math.pi * x)) / 2


def _epoch_batches(
    task: Task, part: Part, settings: TrainingSettings, generator: np.random.Generator
) -> Iterator[list[Segment]]:
    """Shuffled passes over the part: one, or as many as `steps_per_epoch` needs."""
    left = settings.steps_per_epoch * settings.accumulation or math.inf
    while left > 0:
        segments = task.examples(part, generator)
        for batch in _batches([segments[i] for i in generator.permutation(len(segments))], settings.batch_size):
            if left > 0:
                yield batch
            left -= 1
        if not settings.steps_per_epoch:
            return


def _batches(segments: Sequence[Segment], size: int) -> Iterator[list[Segment]]:
    """Consecutive batches; one left-over example joins the last, because batch norm cannot learn from one alone."""
    start = 0
    while start < len(segments):
        left = len(segments) - start
        stop = start + (left if size > 1 and left == size + 1 else size)
        yield list(segments[start:stop])
        start = stop


def _to(batch: Batch, device: str) -> Batch:
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def _autocast(settings: TrainingSettings, device: str) -> AbstractContextManager:
    if settings.precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)
