"""BEiT reads images of other sizes than those of its training as transformers does."""

from pathlib import Path

import pytest
import torch

from nbpipes.hub.repo import Repo
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
GOLDEN = Path(__file__).parents[1] / "golden" / "beit"


@pytest.mark.parametrize("name", ["image", "image-shared", "image-absolute"])
def test_images_of_other_sizes(name):
    theirs = transformers.BeitForImageClassification.from_pretrained(GOLDEN / name, dtype=torch.float32).eval()
    ours = load_model(Repo(GOLDEN / name), [Head.IMAGE], task="test")
    for height, width in ((32, 32), (40, 40), (48, 24), (64, 80)):
        pixels = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            torch.testing.assert_close(ours(pixels).logits, theirs(pixels).logits, atol=1e-5, rtol=1e-5)
