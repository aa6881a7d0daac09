"""Throughput of image pipelines against transformers, on the same photographs in the same process.

    python benchmarks/vision.py [--threads 2] [--rounds 1] [--images 64] [--only vit] [--device cpu]

64 JPEG files of ten sizes from 333 × 500 to 1600 × 1067 pixels, drawn so that they cost what photographs cost; models
of the shape of vit-base and of detr-resnet-50 with drawn weights. transformers runs vit at batch sizes 1, 8 and 32, and
detr at 1, as its pipeline cannot batch images of several sizes; nbpipes chooses for itself. The cases take turns, in
reversed order every other round; medians are shown, and the share of the time in which our forward waits for images.

Seconds are those of the clock. With --threads 1 the processor's are shown too, which other programs do not disturb,
but in which images that are prepared meanwhile cost as much as others.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import transformers
from PIL import Image

import nbpipes
from nbpipes.engine import compute
from nbpipes.engine.events import Batched

SIZES = (
    (640, 480),
    (480, 640),
    (500, 375),
    (333, 500),
    (1024, 683),
    (800, 600),
    (640, 427),
    (1280, 960),
    (426, 640),
    (1600, 1067),
)
"""Width and height, as collections of photographs have them."""
Case = Callable[[], object]


class Times(NamedTuple):
    """Seconds of a run: by the clock, and of the processor."""

    wall: float
    cpu: float


def photograph(draw: np.random.Generator, width: int, height: int) -> Image.Image:
    """Smooth shapes with finer and finer ones on them, down to grain: JPEG makes about 2 bits of a pixel."""
    values = np.zeros((height, width, 3), np.float32)
    for step in (256, 64, 16, 4, 1):
        coarse = draw.normal(0, 1, (height // step + 2, width // step + 2, 3)).astype(np.float32)
        planes = [Image.fromarray(coarse[:, :, i]).resize((width, height), Image.Resampling.BICUBIC) for i in range(3)]
        values += np.stack([np.asarray(plane) for plane in planes], -1) * (step**0.5 * 3)
    return Image.fromarray((values + 128).clip(0, 255).astype(np.uint8))


def photographs(folder: Path, count: int) -> list[str]:
    """Paths of JPEG files."""
    draw = np.random.default_rng(0)
    paths = []
    for number in range(count):
        paths.append(str(folder / f"{number}.jpg"))
        photograph(draw, *SIZES[number % len(SIZES)]).save(paths[-1], quality=90)
    return paths


def vit(folder: Path) -> str:
    """A classifier of the shape of google/vit-base-patch16-224."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(num_labels=1000)
    transformers.ViTForImageClassification(config).save_pretrained(folder / "vit")
    transformers.ViTImageProcessor().save_pretrained(folder / "vit")
    return str(folder / "vit")


def detr(folder: Path) -> str:
    """A detector of the shape of facebook/detr-resnet-50, with the reference's own ResNet instead of timm's."""
    torch.manual_seed(0)
    backbone = transformers.ResNetConfig(out_features=["stage4"])
    config = transformers.DetrConfig(use_timm_backbone=False, backbone_config=backbone, backbone=None, num_labels=91)
    config.use_pretrained_backbone = False
    transformers.DetrForObjectDetection(config).save_pretrained(folder / "detr")
    transformers.DetrImageProcessor().save_pretrained(folder / "detr")
    return str(folder / "detr")


WORKLOADS: dict[str, tuple[str, Callable[[Path], str], tuple[int, ...]]] = {
    "vit": ("image-classification", vit, (1, 8, 32)),
    "detr": ("object-detection", detr, (1,)),
}
"""Task, what makes the model, and the batch sizes of transformers."""


def timed(work: Case) -> Times:
    """How long a run takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Times(time.perf_counter() - wall, time.process_time() - cpu)


def rounds(cases: dict[str, Case], count: int) -> dict[str, list[Times]]:
    """The seconds of each case, which take turns, in the other direction every other round."""
    found: dict[str, list[Times]] = {name: [] for name in cases}
    for turn in range(count):
        for name in list(cases)[:: -1 if turn % 2 else 1]:
            found[name].append(timed(cases[name]))
    return found


def waiting(pipe: nbpipes.Pipeline, paths: list[str]) -> float:
    """Runs, and gives the share of the time in which no forward ran."""
    start, busy = time.perf_counter(), 0.0
    for event in pipe.events(paths):
        if isinstance(event, Batched):
            busy += event.seconds
    return 1 - busy / (time.perf_counter() - start)


def compare(name: str, folder: Path, paths: list[str], options: argparse.Namespace) -> None:
    """Prints images per second of a workload, and our ratio to each batch size of theirs."""
    task, make, sizes = WORKLOADS[name]
    model = make(folder)
    ours = nbpipes.pipeline(task, model=model, device=options.device)
    theirs = transformers.pipeline(task, model=model, device=options.device, use_fast=False)
    waits: list[float] = []
    cases: dict[str, Case] = {"nbpipes": lambda: waits.append(waiting(ours, paths))}
    for size in sizes:
        cases[f"transformers, batch {size}"] = lambda size=size: theirs(paths, batch_size=size)
    ours(paths[: len(SIZES)])
    theirs(paths[:2])
    found = rounds(cases, options.rounds)
    clocks = ("wall", "cpu") if options.threads == 1 and options.device == "cpu" else ("wall",)
    for clock in clocks:
        times = {case: statistics.median(getattr(one, clock) for one in taken) for case, taken in found.items()}
        best = min(taken for case, taken in times.items() if case != "nbpipes")
        ratio = best / times["nbpipes"]
        print(f"\n{name}, {len(paths)} photographs, {clock}: {ratio:.2f} × the best of transformers")
        for case, taken in times.items():
            print(f"  {case:26} {len(paths) / taken:9.2f} images/s   {taken / times['nbpipes']:6.2f} ×")
    print(f"  our forward waits for images in {statistics.median(waits):.1%} of the time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=list(WORKLOADS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}, ", end=""
    )
    print(f"{options.device}, {options.threads} threads, float32")
    with tempfile.TemporaryDirectory() as scratch:
        paths = photographs(Path(scratch), options.images)
        for name in WORKLOADS:
            if options.only in (None, name):
                compare(name, Path(scratch), paths, options)


if __name__ == "__main__":
    compute.run(main)  # both on one thread: a second one that runs torch slows both
