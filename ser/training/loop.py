"""The one training loop: every torch system calls `fit` from its `run`.

Everything random in an epoch (order, crops, augmentation, dropout) is seeded from (seed, epoch), so a run that was
killed and resumed after any epoch produces, on the CPU of one kind of machine (compute/machine.py), the same bits as
one that was not.
"""

import math
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ser.compute.malloc import keep_freed_memory
from ser.errors import InputError
from ser.progress import progress
from ser.runs.contract import Context, Fold, Outcome, Part
from ser.training.criterion import check_criterion, dev_metrics, is_better
from ser.training.observer import EpochScores
from ser.training.scoring import batches_of, predict
from ser.training.state import Saver, State
from ser.training.step import Step
from ser.training.task import FITTED, Example, StepDecaySettings, Task, TrainingSettings

_OPTIMISERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (torch.optim.RMSprop, {}),
}


def fit(task: Task, fold: Fold, settings: TrainingSettings, context: Context) -> Outcome:
    """Train on `fold.train`, choose the epoch on `fold.dev` (the first of the best; the last if dev is empty),
    score `fold.test`.

    With `context.directory`, epochs leave their state there (`Saver`), and a run under the same key goes on from it.
    With `context.score_test_each_epoch`, an observer scores the test part after each epoch, when the choice is made:
    what trains and chooses (`_epoch`, `_goes_on`) has no name for what it keeps.
    Raises InputError when the train or test part is empty, the settings do not fit the fold, the loss stops being
    finite, or the GPU's memory is too small.
    """
    try:
        return _fit(task, fold, settings, context)
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"fold {fold.number}: {context.device}: {str(error).splitlines()[0][:120]}: let fewer runs share the GPU "
            f"(compute.gpu_slots in params.yaml), or use a larger one"
        ) from None
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):  # torch's words, for batch norm over single numbers
            raise
        raise InputError(
            f"fold {fold.number}: batch norm cannot learn from a batch of one example: set last_batch to joined and "
            f"batch_size to at least 2"
        ) from None


def _fit(task: Task, fold: Fold, settings: TrainingSettings, context: Context) -> Outcome:
    _check(fold, settings)
    _prepare(context)
    seed_everything(context.seed, 0)
    state = _start(task.network().to(context.device), settings, context.device)
    step = Step(task, state, settings.precision, settings.gradient_clip, context.device)
    path = context.directory / "state.safetensors" if context.directory else None

    def score_test(network: nn.Module, precision: str = "float32") -> np.ndarray:
        return predict(task, network, fold.test, _fitting(settings, state), context.device, precision)

    def watch(network: nn.Module) -> np.ndarray:  # in float32 it would take longer than training
        return score_test(network, settings.precision)

    observer = EpochScores(watch, len(fold.labels), context.device) if context.score_test_each_epoch else None
    if path:
        kept = state.resume(path, context.key, context.machine, observer.names if observer else ())
        if observer:
            observer.restore(kept)
    is_due = Saver(state)

    with progress(settings.epochs, f"fold {fold.number}", "epochs") as meter:
        meter.update(state.epoch)
        while _goes_on(state, settings):
            _epoch(task, fold, settings, step, state, context)
            if observer:
                observer(state.evaluated)
            if path and (not _goes_on(state, settings) or is_due()):
                state.save(path, context.key, context.machine, observer.tensors if observer else {})
            meter.update(1)

    state.evaluated.load_state_dict(state.best)
    chosen = state.history[state.best_epoch - 1]
    parameters = list(state.network.parameters())
    known = observer.of_last(state.best_epoch) if observer and settings.precision == "float32" else None
    return Outcome(
        scores=score_test(state.evaluated) if known is None else known,
        history=state.history,
        model={name: tensor.cpu().numpy() for name, tensor in state.best.items()}
        | {f"{FITTED}{name}": value for name, value in task.fitted.items()},
        facts={
            "parameters": sum(p.numel() for p in parameters),
            "parameters_trainable": sum(p.numel() for p in parameters if p.requires_grad),
            "best_epoch": state.best_epoch,
            "epochs_run": state.epoch,
            "micro_batch": state.micro_batch,
            **{name: value for name, value in chosen.items() if name.startswith("dev_")},
        },
        test_epochs=observer.scores if observer else None,
    )


def seed_everything(*entropy: int) -> np.random.Generator:
    """Seed python, numpy and torch (all devices) from `entropy`; the generator returned is a stream of its own."""
    words = [int(word) for word in np.random.SeedSequence(entropy).generate_state(4)]
    random.seed(words[0])
    np.random.seed(words[1])
    torch.manual_seed(words[2])
    return np.random.default_rng(words[3])


def _check(fold: Fold, settings: TrainingSettings) -> None:
    for name in ("train", "test"):
        if not getattr(fold, name).utterances:
            raise InputError(f"fold {fold.number}: the {name} part has no utterances; check the protocol's folds")
    check_criterion(settings.criterion, fold.train.targets)


def _prepare(context: Context) -> None:
    if context.device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device is {context.device}, but torch finds no GPU; use cpu")
    torch.set_num_threads(context.threads)
    keep_freed_memory()
    # Some layers have no deterministic gradient on a GPU; equal bits are not promised there, so a warning will do.
    torch.use_deterministic_algorithms(True, warn_only=context.device != "cpu")
    # It is there to find bugs, and costs a pass over every new tensor.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # documented all the same
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may differ between runs
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32, also in convolutions


def _start(network: nn.Module, settings: TrainingSettings, device: str) -> State:
    kind, options = _OPTIMISERS[settings.optimiser]
    if device != "cpu" and kind is not torch.optim.RMSprop:  # which has no such kernel
        options = options | {"fused": True}  # one kernel for all weights; on the CPU torch's own choice
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = kind(trainable, lr=settings.learning_rate, weight_decay=settings.weight_decay, **options)
    average = None
    if settings.average_decay > 0:
        update = get_ema_multi_avg_fn(settings.average_decay)
        average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    scaler = GradScaler(device, enabled=settings.precision == "float16")
    return State(network, optimiser, average, scaler, settings.micro_batch)


def _fitting(settings: TrainingSettings, state: State) -> TrainingSettings:
    """The settings with the micro-batch that is known to fit in memory."""
    return replace(settings, micro_batch=state.micro_batch)


def _goes_on(state: State, settings: TrainingSettings) -> bool:
    return state.epoch < settings.epochs and not 0 < settings.patience <= state.epoch - state.best_epoch


def _epoch(task: Task, fold: Fold, settings: TrainingSettings, step: Step, state: State, context: Context) -> None:
    """Train an epoch, score the dev part, and keep the epoch if it is the best."""
    generator = seed_everything(context.seed, state.epoch + 1)
    row = _train_epoch(task, fold, settings, step, state, generator)
    if fold.dev.utterances:
        scores = predict(task, state.evaluated, fold.dev, _fitting(settings, state), context.device)
        of_labels = scores[:, : len(fold.labels)]
        row |= {f"dev_{name}": value for name, value in dev_metrics(fold.dev.targets, of_labels).items()}
    state.epoch += 1
    state.history.append({"epoch": state.epoch, **row})
    best = state.history[state.best_epoch - 1]
    if not fold.dev.utterances or not state.best_epoch or is_better(row, best, settings.criterion):
        state.keep()


def _train_epoch(
    task: Task, fold: Fold, settings: TrainingSettings, step: Step, state: State, generator: np.random.Generator
) -> dict[str, float]:
    """One epoch: its mean loss and last learning rate."""
    state.network.train()
    batches = list(_epoch_batches(task, fold.train, settings, generator))
    groups = [batches[i : i + settings.accumulation] for i in range(0, len(batches), settings.accumulation)]
    of_steps = []
    for number, group in enumerate(groups):
        part = _schedule(settings.schedule, state.epoch * len(groups) + number, settings.epochs * len(groups))
        rate = settings.learning_rate * part
        if isinstance(settings, StepDecaySettings):
            rate *= settings.decay(state.epoch)
        for parameters in state.optimiser.param_groups:
            parameters["lr"] = rate
        of_steps.append(step([task.collate(examples, generator) for examples in group], settings.accumulation))
    # Fetched once an epoch: a GPU has to wait each time.
    losses = torch.cat(of_steps).double().cpu().numpy()
    if not np.isfinite(losses).all():
        raise InputError(
            f"fold {fold.number}: the training loss is {losses[~np.isfinite(losses)][0]} in epoch {state.epoch + 1}; "
            f"lower learning_rate ({settings.learning_rate}) or set gradient_clip ({settings.gradient_clip})"
        )
    return {"train_loss": float(losses.mean()), "learning_rate": rate}


def _schedule(name: str, step: int, steps: int) -> float:
    """The share of the learning rate used in optimiser step `step`, counted from 0, of `steps`."""
    if name == "constant":
        return 1.0
    first, last, peak = 1 / 25, 1e-4 / 25, 0.3 * steps - 1
    start, end, x = (first, 1.0, step / peak) if step < peak else (1.0, last, (step - peak) / (steps - 1 - peak))
    return end + (start - end) * (1 + math.cos(math.pi * x)) / 2


def _epoch_batches(
    task: Task, part: Part, settings: TrainingSettings, generator: np.random.Generator
) -> Iterator[list[Example]]:
    """Shuffled passes over the part: one, or as many as `steps_per_epoch` needs."""
    left = settings.steps_per_epoch * settings.accumulation or math.inf
    while left > 0:
        examples = task.examples(part, generator)
        drawn = [examples[i] for i in generator.permutation(len(examples))]
        in_order = batches_of(drawn, settings.batch_size, settings.last_batch)
        for batch in _bucketed(drawn, settings, generator) if settings.bucketing else in_order:
            if left > 0:
                yield batch
            left -= 1
        if not settings.steps_per_epoch:
            return


def _bucketed(
    drawn: Sequence[Example], settings: TrainingSettings, generator: np.random.Generator
) -> Iterator[list[Example]]:
    """Batches of similar length: `drawn` is sorted within every `bucketing` batches, then the batches are shuffled."""
    size = settings.bucketing * settings.batch_size
    pools = [sorted(drawn[i : i + size], key=len) for i in range(0, len(drawn), size)]
    batches = [batch for pool in pools for batch in batches_of(pool, settings.batch_size, settings.last_batch)]
    return (batches[i] for i in generator.permutation(len(batches)))
