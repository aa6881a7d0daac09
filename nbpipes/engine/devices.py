"""Devices and dtypes as users name them."""

import torch

from nbpipes.errors import InputError, nearest


def pick_device(device: int | str | torch.device | None) -> torch.device:
    """The device for a user's word: None or "auto" is the best there is, a number a GPU (the CPU where there is none),
    -1 the CPU. InputError for a device that this machine does not have."""
    if device is None or device == "auto":
        device = 0
    if isinstance(device, bool) or not isinstance(device, int | str | torch.device):
        raise InputError(f"device must be a number, a name like 'cuda:0' or a torch.device, not {device!r}")
    if isinstance(device, int):
        if device < 0:
            return torch.device("cpu")
        kind = _accelerator()
        if kind == "cuda" and device >= torch.cuda.device_count():
            raise InputError(f"device {device} was asked for, but there are {torch.cuda.device_count()} GPUs")
        return torch.device(kind, device) if kind == "cuda" else torch.device(kind)
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InputError(
            f"{device!r} is not a device; use 'auto', 'cpu', 'cuda', 'cuda:0', 'mps' or a number"
        ) from error
    if (found.type == "cuda" and not torch.cuda.is_available()) or (found.type == "mps" and _accelerator() != "mps"):
        raise InputError(f"device {str(found)!r} was asked for, but torch sees none here; use device='auto' or 'cpu'")
    return found


def _accelerator() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """The dtype for a user's word: None is float32, a string torch's name for one; InputError for anything else."""
    if dtype is None:
        return torch.float32
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        names = ("float32", "float16", "bfloat16", "float64", "auto")
        raise InputError(f"{dtype!r} is not a dtype for a model{nearest(str(dtype), names)}; known: {', '.join(names)}")
    return found
