"""Tokenizers of the golden folders, each loaded once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from nbpipes.hub.repo import Repo
from nbpipes.processing.text import Tokenizer

GOLDEN = Path(__file__).parents[2] / "golden" / "tokenizers"


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the golden tokenizers."""
    return GOLDEN


@pytest.fixture(scope="session")
def tokenizer() -> Callable[[str], Tokenizer]:
    """The tokenizer of a golden folder by its name. Tests that change one load their own."""
    return cache(lambda kind: Tokenizer.load(Repo(GOLDEN / kind)))
