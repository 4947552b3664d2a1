"""What an encoder computes in, and how it is made fast at that."""

import os

import torch
from torch import nn
from torch.nn.utils import parametrize


def resolved(precision: str, device: str) -> torch.dtype:
    """`auto`: bfloat16 where the device (cpu, cuda) multiplies in it, float32 elsewhere."""
    if precision == "auto":
        precision = "bfloat16" if multiplies_bfloat16(device) else "float32"
    dtype: torch.dtype = getattr(torch, precision)
    return dtype


def multiplies_bfloat16(device: str) -> bool:
    """Whether the device has instructions for it; others imitate it, slower than float32."""
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    is_limited = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() == "AVX2"  # compute.cpu: avx2
    return not is_limited and bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def cast(model: nn.Module, dtype: torch.dtype) -> None:
    """Make a model of transformers, in evaluation, fast under autocast to `dtype`. What is cast is what autocast would
    cast in each call, to the same bits; on a CPU attention is written out in matrix products, which have kernels there.
    """
    for module in model.modules():
        if parametrize.is_parametrized(module):  # the weight norm of the positional convolution
            parametrize.remove_parametrizations(module, "weight")
    if dtype is torch.float32:
        return
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            module.to(dtype)
    if next(model.parameters()).device.type == "cpu":
        model.set_attn_implementation("eager")  # type: ignore[operator]  # a method of transformers' models
