"""What models of plain samples share: the model that joins trunk and head, and the heads."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.linear import Linear
from nbpipes.models.family import HeadSpec, Model
from nbpipes.models.heads import Head
from nbpipes.models.outputs import Encoded, Logits, TokenLogits


@dataclass(frozen=True, kw_only=True)
class WaveConfig(Config):
    """The fields that wav2vec 2.0 and its relatives share."""

    vocab_size: int = 32
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-5
    feat_extract_norm: str = "group"
    feat_extract_activation: str = "gelu"
    conv_dim: tuple[int, ...] = (512,) * 7
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_bias: bool = False
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    do_stable_layer_norm: bool = False
    add_adapter: bool = False
    adapter_attn_dim: int | None = None
    use_weighted_layer_sum: bool = False
    classifier_proj_size: int = 256

    @property
    def inputs_to_logits_ratio(self) -> int:
        """Samples from the beginning of a frame to that of the next one."""
        return prod(self.conv_stride)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a trunk hears. hidden: `(frames, width)` of all sounds, one after the other. counts: frames of each."""

    hidden: Tensor
    counts: tuple[int, ...]


class SoundModel(Model):
    """A trunk that reads samples, and a head."""

    trunk: Any

    def forward(self, samples: Tensor, lengths: Sequence[int]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """samples: `(samples,)` of all sounds, one after the other. lengths: of each. Returns the head's record."""
        self.prepare()
        return self.head(self.trunk(samples.to(self.dtype), lengths, self.head.mix))

    def frames(self, samples: int) -> int:
        """How many frames the model makes of so many samples; 0 where these are too few for one."""
        return self.trunk.frames(samples)


class SpectrumModel(Model):
    """A trunk that reads spectrograms of one size, and a head."""

    trunk: Any

    def forward(self, features: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """features: `(batch, steps, mels)`. Returns the head's record."""
        self.prepare()
        return self.head(self.trunk(features.to(self.dtype), self.head.leading))

    def frames(self, samples: int) -> int:
        """How many tokens the model reads, whatever the number of samples."""
        return self.trunk.positions.shape[1]


class FrameHead(nn.Module):
    """Gives the frames of the trunk as they are."""

    mix: Tensor | None = None

    def forward(self, heard: Heard) -> Encoded:
        return Encoded(heard.hidden)


class LetterHead(nn.Module):
    """Letters of each frame, or none of them (https://www.cs.toronto.edu/~graves/icml_2006.pdf)."""

    mix: Tensor | None = None

    def __init__(self, width: int, letters: int) -> None:
        super().__init__()
        self.out = Linear(width, letters)

    def forward(self, heard: Heard) -> TokenLogits:
        return TokenLogits(self.out(heard.hidden))


class SoundClassifier(nn.Module):
    """Classes of a sound, from the mean of its frames.

    layers: how many states, before and after each layer, are mixed by learned weights; 0 takes the last one alone.
    """

    def __init__(self, width: int, inner: int, labels: int, layers: int = 0) -> None:
        super().__init__()
        self.layers = nn.Parameter(torch.empty(layers)) if layers else None
        self.inner, self.out = Linear(width, inner), nn.Linear(inner, labels)

    @property
    def mix(self) -> Tensor | None:
        """The parts of the trunk's states that are wanted, None for the last one alone."""
        return None if self.layers is None else self.layers.softmax(-1)

    def forward(self, heard: Heard) -> Logits:
        frames = self.inner(heard.hidden).split(heard.counts)
        return Logits(self.out(torch.stack([own.mean(0) for own in frames])))


def heads() -> dict[Head, HeadSpec]:
    """The heads of models that read samples."""
    return {
        Head.BASE: HeadSpec(lambda c: FrameHead()),
        Head.CTC: HeadSpec(lambda c: LetterHead(c.hidden_size, c.vocab_size), (rename("lm_head", "out"),)),
        Head.AUDIO: HeadSpec(
            lambda c: SoundClassifier(
                c.hidden_size,
                c.classifier_proj_size,
                len(c.labels),
                c.num_hidden_layers + 1 if c.use_weighted_layer_sum else 0,
            ),
            (rename("layer_weights", "layers"), rename("projector", "inner"), rename("classifier", "out")),
        ),
    }
