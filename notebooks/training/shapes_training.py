"""How the demo detector and the demo segmenter are trained: rounds of steps by the clock, then a folder with a card."""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from PIL import Image
from shapes_model import write
from shapes_scenes import Scene, scene
from torch import Tensor, nn

from nbpipes.models.family import Family, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """From first values to a folder.

    output: the folder. rounds: minutes of processor time of each. begin: makes the model. train: a round by number
    from 0, in so many minutes; gives its steps. report: the card of a folder, made in so many steps and minutes.
    """

    output: Path
    rounds: Sequence[float]
    family: Family
    config: Mapping[str, Any]
    processor: Mapping[str, Any]
    begin: Callable[[], Model]
    train: Callable[[Model, int, float], int]
    report: Callable[[Path, int, float], str]

    def run(self, about: str | None) -> None:
        """Does it, as the command line says. about: the help of the command."""
        parser = argparse.ArgumentParser(description=about)
        parser.add_argument("--output", type=Path, default=self.output)
        parser.add_argument(
            "--minutes", type=float, nargs="+", default=self.rounds, help="of processor time for each round"
        )
        given = parser.parse_args()
        torch.set_num_threads(1)
        model = self.begin()
        steps = sum(self.train(model, number, minutes) for number, minutes in enumerate(given.minutes))
        write(model.eval(), self.family, self.config, self.processor, given.output)
        told = self.report(given.output, steps, sum(given.minutes))
        (given.output / "README.md").write_text(told, encoding="utf-8")


def seen(chance: Random, side: int, longest: int) -> tuple[Scene, Tensor]:
    """A new scene, and how a model sees it: its picture as a square, `(3, side, side)`, from 0 to 1.

    longest: pixels that a side of the scene may have; it has `side` at least."""
    size = chance.randint(side, longest), chance.randint(side, longest)
    made = scene(chance, size, plain=chance.random() < 0.12)
    picture = made.picture.resize((side, side), Image.Resampling.BILINEAR)
    return made, torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) / 255


class Learner:
    """Teaches a model for some minutes of processor time, fast in the middle and slowly at the end."""

    def __init__(self, model: Model, rate: float, minutes: float) -> None:
        self.model, self.rate, self.seconds = model, rate, 60 * minutes
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)

    def steps(self) -> Iterator[tuple[int, float]]:
        """The number of each step, from 1, and the part of the time that is over, from 0 to 1."""
        begun, step = time.process_time(), 0
        while (done := (time.process_time() - begun) / self.seconds) < 1:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * pace(done)
            step += 1
            yield step, done

    def learn(self, loss: Tensor) -> None:
        """Makes the loss smaller by a step."""
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()


def pace(done: float) -> float:
    """The part of the highest learning rate at a point of the training, from 0 to 1."""
    return min(1.0, done / 0.04) * (0.5 + 0.5 * math.cos(math.pi * done))
