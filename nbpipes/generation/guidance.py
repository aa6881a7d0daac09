"""Classifier-free guidance: away from what the model says without the prompt (https://arxiv.org/abs/2306.17806)."""

import torch
from torch import Tensor

from nbpipes.generation.history import History
from nbpipes.models.decoding import Decoder, State, packed


class Guidance:
    """Goes `scale` times as far from the scores without the prompt as the scores with it do."""

    def __init__(self, decoder: Decoder, scale: float) -> None:
        self.decoder, self.scale = decoder, scale
        self.state: State | None = None

    def __call__(self, history: History, scores: Tensor) -> Tensor:
        last = [row.ids[-1] for row in history.rows]
        if self.state is None:
            room = max(row.longest - row.length for row in history.rows)
            free, self.state = self.decoder.begin(packed([[token] for token in last], scores.device), room)
        else:
            free = self.decoder.step(torch.tensor(last, device=scores.device)[:, None], self.state)[:, 0]
        free, told = free.float().log_softmax(-1), scores.log_softmax(-1)
        return free + self.scale * (told - free)

    def select(self, rows: Tensor) -> None:
        """Keeps the rows with these numbers, in this order."""
        if self.state is not None:
            self.state.select(rows)
