"""The state of an unfinished run: what it goes on from, in safetensors files with a JSON header.

The weights of the best epoch have a file of their own, written once: most epochs are not the best, and those that are
have them as their own weights. The headers hold a SHA-256 over all of it: where one bit has changed, it is not used.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim.swa_utils import AveragedModel

from ser.compute.machine import in_words
from ser.files import atomic_file

log = logging.getLogger(__name__)
SMALL = 100 << 20  # bytes
PAUSE = 60.0  # seconds


@dataclass
class State:
    """Everything that one epoch hands to the next: nothing else may decide how a run goes on.

    `average` is the moving average of the network's weights, if one is kept; `scaler` scales the loss under float16
    and does nothing under other precisions; `micro_batch` and `is_cached` say how a batch goes through the
    network (step.py); `best` holds the weights of `best_epoch` (0: none yet), which is counted from 1 like `epoch`,
    the number of epochs done.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: AveragedModel | None
    scaler: GradScaler
    micro_batch: int = 0
    is_cached: bool = False
    epoch: int = 0
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    _best_on_disk: int = 0  # the epoch whose weights this process wrote beside the state, or read there

    @property
    def nbytes(self) -> int:
        """Bytes of what is saved each time: without the file of the best epoch."""
        return sum(tensor.nbytes for tensor in self._tensors().values())

    @property
    def evaluated(self) -> nn.Module:
        """The network that is scored: the average where one is kept."""
        return self.network if self.average is None else self.average.module

    def keep(self) -> None:
        """Make the latest epoch the best one."""
        self.best_epoch = self.epoch
        self.best = {name: tensor.detach().clone() for name, tensor in self.evaluated.state_dict().items()}

    def save(
        self, path: Path, key: str, machine: Mapping[str, str], beside: Mapping[str, Tensor] | None = None
    ) -> None:
        """Replace the state at `path`; a kill at any moment leaves either the old or the new one intact.

        `beside` is kept with it for after the run, and is no part of what decides how it goes on.
        """
        tensors = self._tensors() | {f"beside.{name}": tensor for name, tensor in (beside or {}).items()}
        # JSON restores floats bit for bit
        facts = {"key": key, "machine": dict(machine), "epoch": self.epoch, "best_epoch": self.best_epoch}
        facts |= {"micro_batch": self.micro_batch, "is_cached": self.is_cached, "scaler": self.scaler.state_dict()}
        facts |= {"history": self.history}
        best = _best_file(path, self.best_epoch)
        if self.best_epoch != self.epoch and self._best_on_disk != self.best_epoch:
            _write(best, {"key": key, "epoch": self.best_epoch}, self.best)
            self._best_on_disk = self.best_epoch
        _write(path, facts, tensors)
        for file in path.parent.glob(_best_file(path, "*").name):
            if file != best:  # only now: until then the state that was replaced may have needed it
                file.unlink()

    def _tensors(self) -> dict[str, Tensor]:
        """All but the weights of the best epoch."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in slots.items()}
        return tensors

    def resume(
        self, path: Path, key: str, machine: Mapping[str, str], beside: Collection[str] = ()
    ) -> dict[str, Tensor]:
        """Go on from the state at `path`, if there is one that has all of `beside` with it; that is logged, and also
        why one cannot be used. Returns what was kept beside it, nothing where training starts afresh.
        """
        if not path.exists():
            return {}
        try:
            facts, tensors = _read(path)
            if facts["key"] != key:
                log.warning("%s %s: training starts afresh", path, _difference(facts["machine"], machine))
                return {}
            best: dict[str, Tensor] = {}
            if facts["best_epoch"] != facts["epoch"]:
                of, best = _read(_best_file(path, facts["best_epoch"]))
                if of != {"key": key, "epoch": facts["best_epoch"]}:
                    raise ValueError("the weights of its best epoch belong to another run")
        except (SafetensorError, LookupError, TypeError, ValueError, RecursionError, OSError) as error:
            log.warning("%s is damaged or incomplete (%s): training starts afresh", path, error)
            return {}
        kept = _under(tensors, "beside")
        if lacking := [name for name in beside if name not in kept]:
            log.warning("%s was saved without %s: training starts afresh", path, ", ".join(lacking))
            return {}
        self.network.load_state_dict(_under(tensors, "network"))
        if self.average is not None:
            self.average.load_state_dict(_under(tensors, "average"))
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under(tensors, "optimiser").items():
            index, _, slot = name.partition(".")
            slots.setdefault(int(index), {})[slot] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": slots, "param_groups": groups})
        self.scaler.load_state_dict(facts["scaler"])
        self.micro_batch, self.is_cached = facts["micro_batch"], facts["is_cached"]
        self.epoch, self.best_epoch, self.history = facts["epoch"], facts["best_epoch"], facts["history"]
        if best:
            self.best, self._best_on_disk = best, self.best_epoch
        else:
            self.keep()
        log.info("%s: training goes on after epoch %d", path, self.epoch)
        return kept


class Saver:
    """Says after each epoch whether its state should be saved.

    One of up to SMALL bytes always. A larger one is written for seconds, so only if by the end of another epoch more
    than PAUSE seconds would be lost: a kill costs at most one epoch, or those of a minute.
    """

    def __init__(self, state: State, clock: Callable[[], float] = time.monotonic) -> None:
        self._state, self._clock = state, clock
        self._saved = self._last = clock()

    def __call__(self) -> bool:
        """Whether to save; the answer yes is taken to be followed."""
        now = self._clock()
        epoch, self._last = now - self._last, now
        is_due = self._state.nbytes <= SMALL or now + epoch - self._saved > PAUSE
        if is_due:
            self._saved = now
        return is_due


def _best_file(state: Path, epoch: int | str) -> Path:
    """Where the weights of the best epoch are, beside the state that goes on from another."""
    return state.with_name(f"best-{epoch}.safetensors")


def _write(path: Path, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    # copied because safetensors refuses shared storage
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    text = json.dumps(facts)
    with atomic_file(path) as temporary:
        # one entry: safetensors writes several in no fixed order
        save_file(copies, temporary, metadata={"training": _sha256(text, copies) + text})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `_write` was given. Raises ValueError if a bit has changed, or what safetensors raises."""
    with safe_open(path, framework="pt") as file:
        header = (file.metadata() or {})["training"]
        sha256, text = header[:64], header[64:]
        facts = json.loads(text)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    if sha256 != _sha256(text, tensors):
        raise ValueError("its SHA-256 differs")
    return facts, tensors


def _sha256(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Of the header's text, and of each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _difference(its: Mapping[str, str], own: Mapping[str, str]) -> str:
    """Why a state's key differs, as far as its kind of machine and this one tell."""
    if its == own:
        return "belongs to another run (its key differs)"
    return "was made on another kind of machine ({}; this one: {})".format(*in_words([its, own]))


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}
