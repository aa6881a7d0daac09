"""Options, devices and the compute thread."""

import threading
from dataclasses import dataclass

import pytest
import torch

from nbpipes.engine import compute
from nbpipes.engine.devices import pick_device, pick_dtype
from nbpipes.engine.options import UNSET, Options
from nbpipes.errors import InputError


@dataclass(frozen=True)
class Sample(Options):
    top_k: int = 5
    truncation: bool = False


def test_options_are_replaced_for_one_call_only():
    defaults = Sample()
    assert defaults.updated({"top_k": 1}) == Sample(top_k=1)
    assert defaults == Sample()
    assert defaults.updated({}) is defaults


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(TypeError, match="no option 'topk'; did you mean 'top_k'"):
        Sample().updated({"topk": 1}, "fill-mask")
    assert repr(UNSET) == "not given"


def test_devices():
    assert pick_device(-1) == torch.device("cpu")
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device(torch.device("cpu")) == torch.device("cpu")
    assert pick_device(None) == pick_device("auto")
    for wrong in ("gpu", True, 1.5):
        with pytest.raises(InputError, match="device"):
            pick_device(wrong)


def test_dtypes():
    assert pick_dtype(None) is torch.float32
    assert pick_dtype("float16") is pick_dtype(torch.float16) is pick_dtype("torch.float16") is torch.float16
    for wrong in ("int8", "flaot32", torch.int8, 16):
        with pytest.raises(InputError, match="dtype"):
            pick_dtype(wrong)


def test_all_work_is_done_on_one_thread():
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(compute.run(threading.get_ident))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()
    assert compute.run(lambda: compute.run(threading.get_ident)) == seen[0]


def test_an_exception_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        compute.run(lambda: 1 / 0)
