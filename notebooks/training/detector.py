"""Trains the demo model of object detection, scores it once on scenes it has never seen, and writes it.

See README.md beside this file for what to install and how long it takes.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from detector_loss import Found, lost
from shapes_model import trainable
from shapes_report import card, held_out
from shapes_scenes import LABELS
from shapes_scores import boxes
from shapes_training import Learner, Training, seen
from torch import Tensor, nn

from nbpipes import pipeline
from nbpipes.layers.packing import Layout
from nbpipes.models.detection import unsquashed
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.vision.rt_detr import FAMILIES, anchors_of, joined

OUTPUT = Path(__file__).parents[2] / "nbpipes" / "demo" / "shapes-detector"
SEED = 5
SIDE = 128
"""Of a picture as the model sees it; it must be a multiple of 32."""
LONGEST = 200
"""Of a scene that it learns from."""
MOST = 8
BATCH, RATE = 16, 2e-3
ROUNDS = (8, 5)
"""Minutes of processor time."""
CONFIG = {
    "architectures": ["RTDetrForObjectDetection"],
    "model_type": "rt_detr",
    "backbone_config": {
        "model_type": "rt_detr_resnet",
        "layer_type": "basic",
        "embedding_size": 16,
        "hidden_sizes": [16, 40, 64, 96],
        "depths": [1, 1, 1, 1],
        "hidden_act": "relu",
        "out_features": ["stage2", "stage3", "stage4"],
    },
    "encoder_in_channels": [40, 64, 96],
    "encoder_hidden_dim": 48,
    "encoder_layers": 1,
    "encoder_ffn_dim": 96,
    "encoder_attention_heads": 4,
    "hidden_expansion": 0.5,
    "d_model": 48,
    "num_queries": 30,
    "num_denoising": 0,
    "decoder_in_channels": [48, 48, 48],
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 96,
    "id2label": {str(place): label for place, label in enumerate(LABELS)},
    "label2id": {label: place for place, label in enumerate(LABELS)},
    "torch_dtype": "float32",
}
PROCESSOR = {"image_processor_type": "RTDetrImageProcessor", "size": {"height": SIDE, "width": SIDE}}


@dataclass(frozen=True, slots=True)
class Batch:
    """pixels: `(batch, 3, side, side)`. labels: `(batch, MOST)`, -1 for none. boxes: `(batch, MOST, 4)`, middle, width
    and height as parts of the picture."""

    pixels: Tensor
    labels: Tensor
    boxes: Tensor


def scenes(chance: Random, count: int) -> Batch:
    """New scenes as the model sees them."""
    pixels = torch.empty(count, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    labels, boxes = torch.full((count, MOST), -1), torch.zeros(count, MOST, 4)
    for row in range(count):
        made, pixels[row] = seen(chance, SIDE, LONGEST)
        for place, thing in enumerate(made.things):
            left, top, right, bottom = thing.box
            middle, sides = ((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top)
            labels[row, place] = LABELS.index(thing.label)
            boxes[row, place] = torch.tensor((*middle, *sides)) / torch.tensor(made.picture.size * 2)
    return Batch(pixels, labels, boxes)


def mirrored(chance: Random, batch: Batch) -> Batch:
    """The same scenes from left to right, in other colours: making new ones takes as long as learning from them."""
    boxes = batch.boxes.clone()
    boxes[:, :, 0] = 1 - boxes[:, :, 0]
    pixels = batch.pixels.flip(3)[:, chance.sample(range(3), 3)]
    return Batch(1 - pixels if chance.random() < 0.5 else pixels, batch.labels, boxes)


def joint(first: Batch, second: Batch) -> Batch:
    """Two batches as one."""
    pairs = ((first.pixels, second.pixels), (first.labels, second.labels), (first.boxes, second.boxes))
    return Batch(*(torch.cat(pair) for pair in pairs))


def begin() -> Model:
    """The model with first values: labels are rare, boxes are where their places are, and the spots that a head of the
    decoder looks at lie ever farther away in a direction of its own."""
    torch.manual_seed(SEED)
    model = trainable(FAMILIES["rt_detr"], CONFIG, Head.DETECTION)
    for label in (model.trunk.label, *model.head.labels):
        nn.init.constant_(label.bias, -math.log(99))
    for box in (model.trunk.box, *model.head.boxes):
        nn.init.zeros_(box.layers[-1].weight)
    for block in model.head.blocks:
        look = block.cross.layer
        nn.init.zeros_(look.offsets.weight)
        nn.init.zeros_(look.weights.weight)
        turns = torch.arange(look.heads) * (2 * torch.pi / look.heads)
        ways = torch.stack((turns.cos(), turns.sin()), -1)
        ways = ways / ways.abs().amax(-1, keepdim=True)
        spread = ways[:, None, None] * torch.arange(1.0, look.points + 1)[:, None]
        look.offsets.bias.data = spread.expand(-1, look.levels, -1, -1).flatten().clone()
    return model


def answers(model: Model, pixels: Tensor) -> tuple[Found, list[Found], list[tuple[int, int]]]:
    """What the encoder says of each place of the maps, what each block of the decoder says, and the maps' sizes."""
    trunk, head = model.trunk, model.head
    maps = trunk.backbone(pixels, last=trunk.levels)
    seen = trunk.encoder([narrow(one) for narrow, one in zip(trunk.narrow, maps, strict=True)])
    sources = [source(one) for source, one in zip(trunk.sources, seen, strict=True)]
    sizes = [(one.shape[2], one.shape[3]) for one in sources]
    memory = joined(sources)
    anchors, _ = anchors_of(sizes, memory)
    states = trunk.norm(trunk.out(memory))
    dense = Found(trunk.label(states), (trunk.box(states) + anchors.clamp(-10, 10)).sigmoid())
    best = dense.logits.amax(-1).topk(trunk.count, dim=1).indices[..., None]
    x = states.gather(1, best.expand(-1, -1, states.shape[2]))
    boxes = dense.boxes.gather(1, best.expand(-1, -1, 4)).detach()
    layout, each = Layout.of([trunk.count] * len(x), x.device), []
    for place, block in enumerate(head.blocks):
        x = block(x, layout, memory, sizes, boxes, head.places(boxes))
        corrected = (head.boxes[place](x) + unsquashed(boxes)).sigmoid()
        each.append(Found(head.labels[place](x), corrected))
        boxes = corrected.detach()
    return dense, each, sizes


def train(model: Model, number: int, minutes: float) -> int:
    """A round of training, by number from 0; the later ones are strict. Returns its steps."""
    chance, learner = Random(SEED + 100 * number), Learner(model, RATE / (1 + number), minutes)
    step, means, before = 0, {}, scenes(chance, BATCH // 2)
    for step, done in learner.steps():
        fresh = scenes(chance, BATCH // 2)
        batch, before = joint(fresh, mirrored(chance, before)), fresh
        parts = lost(*answers(model, batch.pixels), batch.labels, batch.boxes, strict=number > 0)
        learner.learn(torch.stack(tuple(parts.values())).sum())
        for name, part in parts.items():
            means[name] = 0.97 * means.get(name, part.item()) + 0.03 * part.item()
        if step % 100 == 0:
            told = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            print(f"round {number}, step {step}, {100 * done:.0f} %: {told}", flush=True)
    return step


def report(folder: Path, steps: int, minutes: float) -> str:
    """The model card, with scores of what is stored, by the pipeline that users call."""
    find = pipeline("object-detection", model=folder, device="cpu")
    rows = []
    for name, made in held_out(300):
        scored = boxes(find([one.picture for one in made], threshold=0.0), made)
        rows.append((name, scored.precision, scored.half, scored.overlap, scored.counted))
    return card("detector", rows, steps * BATCH // 2, minutes)


if __name__ == "__main__":
    Training(
        output=OUTPUT,
        rounds=ROUNDS,
        family=FAMILIES["rt_detr"],
        config=CONFIG,
        processor=PROCESSOR,
        begin=begin,
        train=train,
        report=report,
    ).run(__doc__)
