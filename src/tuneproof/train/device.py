"""Where and in which precision a fit runs, and what makes it repeatable."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof.errors import TuneproofError

if TYPE_CHECKING:
    import torch

NATIVE_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""CPU flags (x86, Arm) that mean bf16 products are done by the hardware, not emulated."""


def pick_device(wanted: str) -> torch.device:
    """`auto` takes CUDA, then MPS, then the CPU. Raises `TuneproofError` where the wanted one is absent."""
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in present.items() if there))
    if not present[wanted]:
        there = ", ".join(name for name, found in present.items() if found)
        raise TuneproofError(f"training.device: found {wanted}, which this machine lacks; allowed here: auto, {there}")
    return torch.device(wanted)


def pick_precision(wanted: str, device: torch.device) -> str:
    """`auto` is bf16 where the hardware multiplies it natively, else fp32; fp16 on a CPU is a `TuneproofError`."""
    import torch

    if wanted == "auto":
        if device.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        return "bf16" if device.type == "cpu" and cpu_flags() & NATIVE_BF16 else "fp32"
    if wanted == "fp16" and device.type != "cuda":
        raise TuneproofError(f"training.precision: found fp16 on {device.type}; allowed there: auto, fp32, bf16")
    return wanted


def autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """The context in which a forward pass runs."""
    import torch

    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_repeatable(threads: int) -> None:
    """Fix the thread count and ask for deterministic kernels; both change the last bits of a sum."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")  # GPU memory grows as it is needed
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cuda.matmul.allow_tf32 = False


def cpu_flags() -> set[str]:
    """Instruction-set flags of the first processor; empty where the system does not list them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith(("flags", "Features"))), set())


def hardware(device: torch.device) -> str:
    """What the fit ran on, in words."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()}, {torch.get_num_threads()} thread(s)"


def peak_memory_mb(device: torch.device) -> float:
    """Highest memory so far, in MB (10⁶ bytes): device memory on CUDA, resident memory of this process elsewhere."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if platform.system() == "Darwin" else peak * 1024 / 1e6  # bytes on macOS, KiB on Linux


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on a GPU or a CPU."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error))
