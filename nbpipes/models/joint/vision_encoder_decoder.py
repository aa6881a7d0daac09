"""Two models as one: an encoder sees an image, a decoder writes about it. So far Donut (https://arxiv.org/abs/2111.15664).

Another pair needs a row in ENCODERS and one in DECODERS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from nbpipes.errors import ConfigError, nearest
from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, rename, under
from nbpipes.layers.cross_attention import Memory
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.models import bart
from nbpipes.models.family import Family, HeadSpec, Model
from nbpipes.models.heads import Head
from nbpipes.models.outputs import Encoded
from nbpipes.models.seq2seq import Draft, TextDecoder, WrittenWords
from nbpipes.models.windows import SWIN, Swin, SwinConfig

AT_ONCE = 2560 * 1920
"""Pixels that the encoder sees at a time: what it computes for a page of this size takes more than a gigabyte."""


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two models. width: of what the encoder gives, or the decoder takes."""

    config: type[Config]
    build: Callable[[Any], nn.Module]
    width: Callable[[Any], int]
    rules: tuple[Rule, ...]


ENCODERS: Mapping[str, Half] = MappingProxyType(
    {"donut-swin": Half(SwinConfig, partial(Swin, norm=False), lambda c: c.widths[-1], SWIN)}
)
DECODERS: Mapping[str, Half] = MappingProxyType(
    {
        "mbart": Half(
            bart.MbartConfig,
            partial(bart.decoder, how=bart.MBART),
            lambda c: c.d_model,
            under("model.", bart.DECODER),
        )
    }
)
RULES = (
    *(rule for half in ENCODERS.values() for rule in under("encoder.", half.rules, "encoder.")),
    *(rule for half in DECODERS.values() for rule in under("decoder.", half.rules)),
    rename("enc_to_dec_proj", "between"),
)


@dataclass(frozen=True, kw_only=True)
class VisionEncoderDecoderConfig(Config):
    """Config of both: each has a whole config of its own. What the decoder's says of words counts for both."""

    encoder: dict[str, Any] = field(default_factory=lambda: {"model_type": "donut-swin"}, repr=False)
    decoder: dict[str, Any] = field(default_factory=lambda: {"model_type": "mbart"}, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tie_word_embeddings", self.writer[1].tie_word_embeddings)

    @cached_property
    def viewer(self) -> tuple[Half, Any]:
        """The encoder, and its config."""
        return _chosen("encoder", self.encoder, ENCODERS)

    @cached_property
    def writer(self) -> tuple[Half, Any]:
        """The decoder, and its config."""
        return _chosen("decoder", self.decoder, DECODERS)

    @property
    def width(self) -> int:
        """Of the decoder's states."""
        half, config = self.writer
        return half.width(config)

    @property
    def vocab_size(self) -> int:
        """Of the words that are written."""
        return self.writer[1].vocab_size

    @property
    def writing(self) -> dict[str, Any]:
        return self.writer[1].writing | {name: value for name, value in self.raw.items() if value is not None}


def _chosen(part: str, raw: Mapping[str, Any], known: Mapping[str, Half]) -> tuple[Half, Any]:
    kind = str(raw.get("model_type"))
    if kind not in known:
        raise ConfigError(
            f"the {part} of a vision-encoder-decoder cannot be {kind!r} here{nearest(kind, known)}. "
            f"Supported: {', '.join(known)}"
        )
    return known[kind], known[kind].config.read(raw)


class PictureWriter(nn.Module):
    """Sees images and writes about them. between: a layer where the decoder's states have another width. limit: tokens
    of a text."""

    def __init__(self, encoder: nn.Module, decoder: TextDecoder, between: Linear | None) -> None:
        super().__init__()
        self.encoder, self.decoder, self.between = encoder, decoder, between
        self.limit = decoder.limit

    def see(self, pixel_values: Tensor) -> Memory:
        """pixel_values: `(images, channels, height, width)`. What the decoder remembers of them."""
        pixels = pixel_values.to(next(self.encoder.parameters()).dtype)
        count = max(1, AT_ONCE // pixels[0, 0].numel())
        states = torch.cat([self.encoder(part).hidden for part in pixels.split(count)])
        layout = Layout.of([states.shape[1]] * len(states), states.device)
        packed = states.flatten(0, 1)
        return self.decoder.remember(packed if self.between is None else self.between(packed), layout)

    def forward(self, pixel_values: Tensor, input_ids: Tensor, layout: Layout, keep: Tensor | None = None) -> Encoded:
        """What the decoder makes of whole texts of equal length, one about each image."""
        return Encoded(self.decoder.look(input_ids, layout, self.see(pixel_values), keep))

    def begin(
        self, memory: Memory, images: Sequence[int], prompt_ids: Tensor, prompts: Layout, room: int
    ) -> tuple[Tensor, Draft]:
        """Begins texts about images that were seen, which stay as they are for others. images: the number of each
        prompt's image. Returns what follows from each prompt, `(rows, width)`."""
        return self.decoder.draft(prompt_ids, prompts, memory.pick(images), room)

    def step(self, tokens: Tensor, state: Draft) -> Tensor:
        """Reads `(rows, count)` more tokens. Returns `(rows, count, width)`."""
        return self.decoder.go_on(tokens, state)


class PictureModel(Model):
    """A trunk that sees and writes, with its words."""

    trunk: PictureWriter

    def see(self, pixel_values: Tensor) -> Memory:
        """What the model remembers of images while it writes about them; see `PictureWriter.see`."""
        self.prepare()
        return self.trunk.see(pixel_values)


def picture_writer(c: VisionEncoderDecoderConfig) -> PictureWriter:
    """The trunk."""
    (encoder, seen), (decoder, written) = c.viewer, c.writer
    width = encoder.width(seen)
    between = None if width == c.width else Linear(width, c.width)
    writer = decoder.build(written)
    assert isinstance(writer, TextDecoder)
    return PictureWriter(encoder.build(seen), writer, between)


WORDS = HeadSpec(
    lambda c: WrittenWords(c.width, c.vocab_size),
    (rename("decoder.lm_head", "out"),),
    {"out.weight": "decoder.tokens.weight"},
)
FAMILIES = {
    "vision-encoder-decoder": Family(
        VisionEncoderDecoderConfig, picture_writer, RULES, "", {Head.VISION2SEQ: WORDS}, PictureModel
    )
}
