"""Trains the demo model of image segmentation, scores it once on scenes it has never seen, and writes it.

See README.md beside this file for what to install and how long it takes.
"""

from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from shapes_model import trainable
from shapes_report import card, held_out
from shapes_scenes import LABELS
from shapes_scores import masks
from shapes_training import Learner, Training, seen
from torch import Tensor

from nbpipes import pipeline
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.vision.upernet import FAMILIES

OUTPUT = Path(__file__).parents[2] / "nbpipes" / "demo" / "shapes-segmenter"
SEED = 6
SIDES = (128, 192)
"""Of a picture as the model sees it: in the first 70 % of the first round, and from then on."""
NAMES = ("background", *LABELS)
BATCH, RATE = 16, 2e-3
ROUNDS = (6, 3)
"""Minutes of processor time."""
MEAN, SPREAD = 0.5, 0.25
STAGES = ["stage1", "stage2", "stage3", "stage4"]
CONFIG = {
    "architectures": ["UperNetForSemanticSegmentation"],
    "model_type": "upernet",
    "backbone_config": {
        "model_type": "resnet",
        "layer_type": "basic",
        "embedding_size": 16,
        "hidden_sizes": [16, 32, 64, 96],
        "depths": [1, 1, 1, 1],
        "hidden_act": "relu",
        "out_features": STAGES,
    },
    "hidden_size": 32,
    "pool_scales": [1, 2, 3],
    "use_auxiliary_head": False,
    "id2label": {str(place): label for place, label in enumerate(NAMES)},
    "label2id": {label: place for place, label in enumerate(NAMES)},
    "torch_dtype": "float32",
}
PROCESSOR = {
    "image_processor_type": "SegformerImageProcessor",
    "size": {"height": SIDES[1], "width": SIDES[1]},
    "image_mean": [MEAN] * 3,
    "image_std": [SPREAD] * 3,
}


def scenes(chance: Random, count: int, side: int) -> tuple[Tensor, Tensor]:
    """New scenes: pixels `(count, 3, side, side)`, and labels of places, half as many each way."""
    pixels = torch.empty(count, 3, side, side).contiguous(memory_format=torch.channels_last)
    labels = torch.empty(count, side // 2, side // 2, dtype=torch.long)
    for row in range(count):
        made, pixels[row] = seen(chance, side, side * 3 // 2)
        small = made.labels.resize((side // 2, side // 2), Image.Resampling.NEAREST)
        labels[row] = torch.from_numpy(np.asarray(small).copy())
    return (pixels - MEAN) / SPREAD, labels


def mirrored(chance: Random, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The same scenes from left to right, in other colours: making new ones takes as long as learning from them."""
    turned = pixels.flip(3)[:, chance.sample(range(3), 3)]
    return -turned if chance.random() < 0.5 else turned, labels.flip(2)


def begin() -> Model:
    """The model with first values."""
    torch.manual_seed(SEED)
    return trainable(FAMILIES["upernet"], CONFIG, Head.LABEL_MAPS)


def train(model: Model, number: int, minutes: float) -> int:
    """A round of training, by number from 0. Returns its steps."""
    chance, learner = Random(SEED + 100 * number), Learner(model, RATE / (1 + number), minutes)
    step, mean, before = 0, 0.0, None
    for step, done in learner.steps():
        fresh = scenes(chance, BATCH // 2, SIDES[number > 0 or done > 0.7])
        if before is None or before[0].shape != fresh[0].shape:
            before = fresh
        pixels, labels = (torch.cat(parts) for parts in zip(fresh, mirrored(chance, *before), strict=True))
        before = fresh
        logits = model.head(model.trunk(pixels)).logits
        logits = F.interpolate(logits, size=labels.shape[1:], mode="bilinear", align_corners=False)
        loss = F.cross_entropy(logits, labels)
        learner.learn(loss)
        mean = 0.97 * mean + 0.03 * loss.item()
        if step % 100 == 0:
            right = (logits.argmax(1) == labels)[labels > 0].float().mean()
            print(
                f"round {number}, step {step}, {100 * done:.0f} %: {mean:.3f}, of shapes right {right:.3f}", flush=True
            )
    return step


def report(folder: Path, steps: int, minutes: float) -> str:
    """The model card, with scores of what is stored, by the pipeline that users call."""
    segment = pipeline("image-segmentation", model=folder, device="cpu")
    rows = []
    for name, made in held_out(200):
        scored = masks(segment([one.picture for one in made]), made)
        rows.append((name, scored.overlap, *scored.each.values(), scored.right))
    return card("segmenter", rows, steps * BATCH // 2, minutes)


if __name__ == "__main__":
    Training(
        output=OUTPUT,
        rounds=ROUNDS,
        family=FAMILIES["upernet"],
        config=CONFIG,
        processor=PROCESSOR,
        begin=begin,
        train=train,
        report=report,
    ).run(__doc__)
