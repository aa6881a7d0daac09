"""The trunk of wav2vec 2.0 (https://arxiv.org/abs/2006.11477) and its relatives: frames from samples, then blocks.

Sounds of different lengths are computed without padding: convolutions see one sound at a time, everything else the
frames of all of them. So a sound's answer never depends on its neighbours in a batch.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.activations import activation
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.linear import Linear
from nbpipes.layers.packing import Layout
from nbpipes.layers.precision import finest
from nbpipes.models.frames import FrameMaker, NormedOverTime, Strided, even
from nbpipes.models.sounds import Heard, WaveConfig
from nbpipes.models.spectra import Spectra

# ---------------------------------------------------------------------- places


class PlaceConv(nn.Module):
    """What a frame's surroundings say about its place: a grouped convolution.

    Its weight is stored as directions and lengths, one for each tap (https://arxiv.org/abs/1602.07868); with
    `normed=False` as it is, behind a batch norm of the input.
    """

    def __init__(self, width: int, kernel: int, groups: int, act: str, *, normed: bool = True) -> None:
        super().__init__()
        self.kernel, self.groups, self.act = kernel, groups, activation(act)
        shape = (width, width // groups, kernel)
        self.length = nn.Parameter(torch.empty(1, 1, kernel)) if normed else None
        self.weight, self.bias = nn.Parameter(torch.empty(shape)), nn.Parameter(torch.empty(width))
        self.before = None if normed else nn.BatchNorm1d(width)
        self.spectra: Spectra | None = None

    def fuse(self) -> None:
        """Computes with the weight itself from now on."""
        if self.length is None:
            return
        direction, length = finest(self.weight), finest(self.length)
        weight = direction * (length / direction.norm(dim=(0, 1), keepdim=True))
        self.weight = nn.Parameter(weight.to(self.weight.dtype), requires_grad=False)
        self.length = None

    def forward(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        """x: `(frames, width)` of all sounds. lengths: frames of each."""
        x = x if self.before is None else self.before(x)
        if self.spectra is None:
            return self.act(torch.cat([self._one(part) for part in x.split(list(lengths))]))
        # All sounds in one line, with as many zeros before, between and behind them as the taps reach.
        reach = self.kernel // 2
        before = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths), output_size=len(x))
        places = torch.arange(len(x)) + reach * before
        line = x.new_zeros(len(x) + reach * (len(lengths) + 1), x.shape[1])
        line[places + reach] = x
        return self.act(self.spectra(line)[places] + self.bias)

    def _one(self, x: Tensor) -> Tensor:
        """x: `(frames, width)` of one sound."""
        maps = F.pad(x.T[None], (0, even(len(x)) - len(x)))
        maps = F.conv1d(maps, self.weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return maps[0, :, : len(x)].T

    @property
    def pays(self) -> bool:
        """Whether spectra make it faster where it is."""
        return self.weight.device.type == "cpu" and self.weight.dtype == torch.float32

    def pack(self) -> None:
        """Computes by spectra from now on."""
        self.spectra = Spectra(self.weight, self.groups)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self.spectra = None  # another device or dtype
        return super()._apply(fn, recurse)


# ---------------------------------------------------------------------- the trunk


class WaveTrunk(nn.Module):
    """Frames of samples, their places, and blocks.

    places: `(frames, width)` of all sounds, and frames of each, to what is added to them, if anything. pre: whether
    blocks have their norms before. norm: before the projection to the width of the blocks.
    """

    def __init__(
        self,
        c: WaveConfig,
        maker: FrameMaker,
        places: nn.Module | None,
        blocks: Blocks,
        *,
        pre: bool,
        norm: bool = True,
    ) -> None:
        super().__init__()
        if c.add_adapter or c.adapter_attn_dim is not None:
            raise ValueError("models with adapters (add_adapter, adapter_attn_dim) are not supported")
        self.maker, self.places, self.blocks, self.pre = maker, places, blocks, pre
        self.project_norm = nn.LayerNorm(c.conv_dim[-1], c.layer_norm_eps) if norm else None
        self.project = Linear(c.conv_dim[-1], c.hidden_size)
        self.norm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)

    def frames(self, samples: int) -> int:
        """How many frames there are in so many samples."""
        return self.maker.frames(samples)

    def forward(self, samples: Tensor, sizes: Sequence[int], mix: Tensor | None = None) -> Heard:
        """samples: `(samples,)` of all sounds. sizes: samples of each. mix: `(blocks + 1,)` the parts of the states,
        before the first block and after each one, that are wanted; None for the last state alone."""
        sounds = [self.maker(sound) for sound in samples.split(list(sizes))]
        counts = tuple(len(sound) for sound in sounds)
        x = torch.cat(sounds)
        missing = even(len(x)) - len(x)
        x = self.project(F.pad(x if self.project_norm is None else self.project_norm(x), (0, 0, 0, missing)))
        lengths = (*counts, missing) if missing else counts
        if self.places is not None:
            x = x + self.places(x, lengths)
        layout = Layout.of(lengths, x.device)
        return Heard(self._through(x, layout, mix)[: sum(counts)], counts)

    def _through(self, x: Tensor, layout: Layout, mix: Tensor | None) -> Tensor:
        x = x if self.pre else self.norm(x)
        mixed = None if mix is None else mix[0] * x
        run = self.runner(layout, x)
        for number, block in enumerate(self.blocks, 1):
            x = run(block, x)
            if number == len(self.blocks) and self.pre:
                x = self.norm(x)
            if mixed is not None and mix is not None:
                mixed = mixed + mix[number] * x
        return x if mixed is None else mixed

    def runner(self, layout: Layout, like: Tensor) -> Callable[[nn.Module, Tensor], Tensor]:
        """What runs a block. like: a tensor on the device and of the dtype of what goes through it."""
        return lambda block, x: block(x, layout)


def frame_maker(c: WaveConfig) -> FrameMaker:
    """The convolutions that a config describes."""
    if c.feat_extract_norm not in ("group", "layer"):
        raise ValueError(f"feat_extract_norm must be 'group' or 'layer', not {c.feat_extract_norm!r}")
    if not len(c.conv_dim) == len(c.conv_kernel) == len(c.conv_stride):
        raise ValueError("conv_dim, conv_kernel and conv_stride must have one number for each convolution")
    act, shapes = (
        c.feat_extract_activation,
        list(zip(pairwise((1, *c.conv_dim)), c.conv_kernel, c.conv_stride, strict=True)),
    )
    made = partial(Strided, act=act, bias=c.conv_bias, norm=c.feat_extract_norm == "layer")
    layers: list[Strided | NormedOverTime] = [made(*ends, kernel, stride) for ends, kernel, stride in shapes]
    if c.feat_extract_norm == "group":
        layers[0] = NormedOverTime(c.conv_dim[0], c.conv_kernel[0], c.conv_stride[0], act, bias=c.conv_bias)
    return FrameMaker(layers)


def place_conv(c: WaveConfig, *, normed: bool = True) -> PlaceConv:
    """The convolution of places that a config describes."""
    kernel, groups = c.num_conv_pos_embeddings, c.num_conv_pos_embedding_groups
    return PlaceConv(c.hidden_size, kernel, groups, c.feat_extract_activation, normed=normed)


def blocks(c: WaveConfig, attention: type[nn.Module] = Attention) -> Blocks:
    """The blocks that a config describes. attention: made from width and heads."""
    norm = partial(nn.LayerNorm, c.hidden_size, c.layer_norm_eps)
    return Blocks(
        Block(
            attention(c.hidden_size, c.num_attention_heads),
            MLP(c.hidden_size, c.intermediate_size, c.hidden_act),
            norm,
            pre=c.do_stable_layer_norm,
        )
        for _ in range(c.num_hidden_layers)
    )


def _by_taps(weight: Tensor) -> tuple[Tensor, ...]:
    """From `(outer, inner, kernel)` to a linear layer's weight for windows."""
    return (weight.permute(0, 2, 1).flatten(1).contiguous(),)


CONV, PLACES, LAYER, OURS = (
    "feature_extractor.conv_layers.{i}",
    "encoder.pos_conv_embed",
    "encoder.layers.{i}",
    "blocks.{i}",
)
WAVE = (
    Rule(f"{CONV}.conv.weight", ("maker.layers.{i}.linear.weight",), _by_taps),
    rename(f"{CONV}.conv", "maker.layers.{i}.linear"),
    rename(f"{CONV}.layer_norm", "maker.layers.{i}.norm"),
    rename("feature_projection.layer_norm", "project_norm"),
    rename("feature_projection.projection", "project"),
    rename(f"{PLACES}.conv.parametrizations.weight.original0", "places.length"),
    rename(f"{PLACES}.conv.parametrizations.weight.original1", "places.weight"),
    rename(f"{PLACES}.conv", "places"),
    rename(f"{PLACES}.batch_norm", "places.before"),
    rename("encoder.layer_norm", "norm"),
    *(rename(f"{LAYER}.attention.{name}_proj", f"{OURS}.attn.layer.{name}") for name in ("q", "k", "v", "out")),
    rename(f"{LAYER}.layer_norm", f"{OURS}.attn.norm"),
    rename(f"{LAYER}.feed_forward.intermediate_dense", f"{OURS}.mlp.layer.up"),
    rename(f"{LAYER}.feed_forward.output_dense", f"{OURS}.mlp.layer.down"),
    rename(f"{LAYER}.final_layer_norm", f"{OURS}.mlp.norm"),
    drop("masked_spec_embed"),  # of training
)
