"""The state of an unfinished run: what it goes on from, in one safetensors file with a JSON header.

The header holds a SHA-256 over all of it: a state in which one bit has changed is not used.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim.swa_utils import AveragedModel

from ser.compute.machine import in_words
from ser.files import atomic_file

log = logging.getLogger(__name__)


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
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        if self.average is not None:
            tensors |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        tensors |= {f"beside.{name}": tensor for name, tensor in (beside or {}).items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in slots.items()}
        # JSON restores floats bit for bit; tensors are copied because safetensors refuses shared storage
        facts = {"key": key, "machine": dict(machine), "epoch": self.epoch, "best_epoch": self.best_epoch}
        facts |= {"micro_batch": self.micro_batch, "is_cached": self.is_cached, "scaler": self.scaler.state_dict()}
        facts |= {"history": self.history}
        copies = {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
        }
        text = json.dumps(facts)
        with atomic_file(path) as temporary:
            # one entry: safetensors writes several in no fixed order
            save_file(copies, temporary, metadata={"training": _sha256(text, copies) + text})

    def resume(
        self, path: Path, key: str, machine: Mapping[str, str], beside: Collection[str] = ()
    ) -> dict[str, Tensor]:
        """Go on from the state at `path`, if there is one that has all of `beside` with it; that is logged, and also
        why one cannot be used. Returns what was kept beside it, nothing where training starts afresh.
        """
        if not path.exists():
            return {}
        try:
            with safe_open(path, framework="pt") as file:
                header = (file.metadata() or {})["training"]
                sha256, text = header[:64], header[64:]
                facts = json.loads(text)
                if facts["key"] != key:
                    log.warning("%s %s: training starts afresh", path, _difference(facts["machine"], machine))
                    return {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
            if sha256 != _sha256(text, tensors):
                raise ValueError("its SHA-256 differs")
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
        self.best = _under(tensors, "best")
        self.epoch, self.best_epoch, self.history = facts["epoch"], facts["best_epoch"], facts["history"]
        log.info("%s: training goes on after epoch %d", path, self.epoch)
        return kept


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
