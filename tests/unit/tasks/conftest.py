"""What tests of tasks share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image


@pytest.fixture(scope="session")
def same() -> Callable[[Any, Any], None]:
    """Compares two answers on images, of any task: see `_same`."""
    return _same


def _same(found: Any, other: Any) -> None:
    """Answers are equal, numbers but for what another batch changes in them."""
    assert type(found) is type(other)
    if isinstance(other, dict):
        assert list(found) == list(other)
        found, other = list(found.values()), list(other.values())
    if isinstance(other, list):
        assert len(found) == len(other)
        for one, two in zip(found, other, strict=True):
            _same(one, two)
    elif isinstance(other, torch.Tensor):
        torch.testing.assert_close(found, other, atol=1e-5, rtol=1e-5)
    elif isinstance(other, Image.Image):
        assert found.mode == other.mode
        assert found.size == other.size
        assert np.abs(np.asarray(found, dtype=int) - np.asarray(other, dtype=int)).max() <= 1
    elif isinstance(other, float):
        assert found == pytest.approx(other, abs=1e-5, rel=1e-5)
    else:
        assert found == other
