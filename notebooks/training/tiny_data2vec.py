"""A small data2vec for sounds, to be trained: Hugging Face's parameter names, and an ear to begin with."""

import math
from typing import Any

import torch
from tiny_bert import named
from torch import Tensor, nn
from torch.nn import functional as F

PHASES = 3
FLOOR = 0.04
"""How loud the ear hears. Its norm adds 1e-5 to the variance of a frame: what lies 35 decibels below loud speech stays
quiet by that. Heard as loud as the rest, the faint beginnings and ends of a person's words were words of their own."""


class Layer(nn.Module):
    """Self-attention and a feed-forward block, each added to its input and normalised."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.attention = named(**{f"{name}_proj": nn.Linear(width, width) for name in ("q", "k", "v", "out")})
        self.layer_norm, self.final_layer_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed_forward = named(intermediate_dense=nn.Linear(width, inner), output_dense=nn.Linear(inner, width))
        self.heads = config["num_attention_heads"]

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        attention, feed = self.attention, self.feed_forward
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.layer_norm(x + attention.out_proj(mixed.transpose(1, 2).flatten(-2)))
        return self.final_layer_norm(x + feed.output_dense(F.gelu(feed.intermediate_dense(x))))


class Listener(nn.Module):
    """Data2VecAudioForCTC: logits of a token for each frame."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, channels = config["hidden_size"], (1, *config["conv_dim"])
        self.shapes = list(zip(config["conv_kernel"], config["conv_stride"], strict=True))
        self.stride = math.prod(config["conv_stride"])
        taps, groups = config["conv_pos_kernel_size"], config["num_conv_pos_embedding_groups"]
        first = [
            named(conv=nn.Conv1d(channels[i], channels[i + 1], *shape), layer_norm=nn.LayerNorm(channels[i + 1]))
            for i, shape in enumerate(self.shapes)
        ]
        near = [
            named(conv=nn.Conv1d(width, width, taps, padding=taps // 2, groups=groups))
            for _ in range(config["num_conv_pos_embeddings"])
        ]
        self.data2vec_audio = named(
            feature_extractor=named(conv_layers=nn.ModuleList(first)),
            feature_projection=named(
                layer_norm=nn.LayerNorm(channels[-1]),
                projection=nn.Linear(channels[-1], width),
            ),
            encoder=named(
                pos_conv_embed=named(layers=nn.ModuleList(near)),
                layer_norm=nn.LayerNorm(width),
                layers=nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"])),
            ),
        )
        self.lm_head = nn.Linear(width, config["vocab_size"])
        begin_as_ear(first[0], first[1])

    def widen(self, taps: int) -> None:
        """Lets the convolutions before the attention see so many frames; at first they do not care for new ones."""
        for layer in self.data2vec_audio.encoder.pos_conv_embed.layers:
            more = (taps - layer.conv.kernel_size[0]) // 2
            layer.conv.weight = nn.Parameter(F.pad(layer.conv.weight.detach(), (more, more)))
            layer.conv.kernel_size, layer.conv.padding = (taps,), (taps // 2,)

    def frames(self, samples: Tensor) -> Tensor:
        """How many frames sounds of so many samples have."""
        for kernel, stride in self.shapes:
            samples = (samples - kernel) // stride + 1
        return samples

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """samples: `(batch, samples)`, filled up with zeros. lengths: of each. Returns `(batch, frames, tokens)`."""
        parts = self.data2vec_audio
        x = samples[:, None]
        for layer in parts.feature_extractor.conv_layers:
            x = F.gelu(layer.layer_norm(layer.conv(x).transpose(1, 2))).transpose(1, 2)
        x = parts.feature_projection.projection(parts.feature_projection.layer_norm(x.transpose(1, 2)))
        inside = torch.arange(x.shape[1]) < self.frames(lengths)[:, None]
        x = near = x * inside[..., None]
        for layer in parts.encoder.pos_conv_embed.layers:
            near = layer.conv(near.transpose(1, 2)).transpose(1, 2)
            near = F.gelu(F.layer_norm(near, near.shape[-1:])) * inside[..., None]
        x = parts.encoder.layer_norm(x + near)
        for layer in parts.encoder.layers:
            x = layer(x, inside[:, None, None])
        return self.lm_head(x)


@torch.no_grad()
def begin_as_ear(first: nn.Module, second: nn.Module) -> None:
    """Lets the first convolution begin as filters of frequencies that lie as close as those of an ear (the mel scale),
    each in some phases; the next one begins with how loud each is, whatever its phase.

    From chance weights a model learns little else than this for a long while, and learns it for the voices it hears.
    """
    count, _, taps = first.conv.weight.shape
    bands, rate = count // PHASES, 16_000
    mels = torch.linspace(mel(80), mel(7400), bands, dtype=torch.float64)
    hertz = 700 * (torch.exp(mels / 1127) - 1)
    place = torch.arange(taps) - (taps - 1) / 2
    for band, frequency in enumerate(hertz.tolist()):
        apart = (700 + frequency) / 1127 * float(mels[1] - mels[0])
        length = min(taps, max(160, 2 * rate / apart))
        window = torch.cos(math.pi * place / length) ** 2 * (place.abs() < length / 2)
        for phase in range(PHASES):
            wave = torch.cos(2 * math.pi * (place * frequency / rate + phase / PHASES))
            strength = (1 + frequency / 500) / window.norm()  # speech is weaker at higher frequencies
            first.conv.weight[PHASES * band + phase, 0] = wave * window * strength
    first.conv.weight.mul_(FLOOR)
    first.conv.bias.zero_()
    first.layer_norm.weight.fill_(4)
    weight = second.conv.weight
    weight.copy_(weight[:, ::PHASES].repeat_interleave(PHASES, 1) * PHASES**-0.5)


def mel(hertz: float) -> float:
    """A frequency on the mel scale."""
    return 1127 * math.log1p(hertz / 700)
