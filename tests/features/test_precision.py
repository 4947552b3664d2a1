from ser.compute.machine import limits
from ser.features.precision import multiplies_bfloat16


def test_instructions_that_are_switched_off_are_not_there(monkeypatch):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert multiplies_bfloat16("cpu")
    for name, value in limits("avx2").items():
        monkeypatch.setenv(name, value)
    assert not multiplies_bfloat16("cpu")
