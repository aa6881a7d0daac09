"""Audio Spectrogram Transformer (https://arxiv.org/abs/2104.01778): a vision transformer on overlapping patches."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.hub.config import Config
from nbpipes.hub.weights import rename
from nbpipes.layers.block import Blocks
from nbpipes.models.family import Family, HeadSpec
from nbpipes.models.heads import Head
from nbpipes.models.images import VIT, SeenHead, block, through
from nbpipes.models.outputs import Logits, Seen
from nbpipes.models.sounds import SpectrumModel


@dataclass(frozen=True, kw_only=True)
class ASTConfig(Config):
    """Config of AST."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    patch_size: int = 16
    qkv_bias: bool = True
    frequency_stride: int = 10
    time_stride: int = 10
    max_length: int = 1024
    num_mel_bins: int = 128


class AST(nn.Module):
    """Patches of a spectrogram behind two tokens of their own go through blocks."""

    def __init__(self, c: ASTConfig) -> None:
        super().__init__()
        self.size = (c.max_length, c.num_mel_bins)
        self.patches = nn.Conv2d(1, c.hidden_size, c.patch_size, stride=(c.frequency_stride, c.time_stride))
        self.tokens = nn.ParameterDict(
            {name: nn.Parameter(torch.empty(1, 1, c.hidden_size)) for name in ("cls", "distillation")}
        )
        rows = (c.num_mel_bins - c.patch_size) // c.frequency_stride + 1
        columns = (c.max_length - c.patch_size) // c.time_stride + 1
        self.positions = nn.Parameter(torch.empty(1, 2 + rows * columns, c.hidden_size))
        shape = (c.hidden_size, c.num_attention_heads, c.intermediate_size, c.hidden_act, c.layer_norm_eps)
        self.blocks = Blocks(block(*shape, biases=c.qkv_bias) for _ in range(c.num_hidden_layers))
        self.norm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)

    def forward(self, features: Tensor, leading: int | None = None) -> Seen:
        """features: `(batch, max_length, num_mel_bins)`. leading: how many tokens are wanted, None for all of them."""
        if tuple(features.shape[1:]) != self.size:
            raise InputError(
                f"the model reads {self.size[0]} steps of {self.size[1]} mels, not {features.shape[1]} of "
                f"{features.shape[2]}: the feature extractor does not fit it"
            )
        maps = self.patches(features[:, None].transpose(2, 3))
        tokens = [token.expand(len(features), -1, -1) for token in self.tokens.values()]
        x = torch.cat([*tokens, maps.flatten(2).transpose(1, 2)], dim=1) + self.positions
        return Seen(through(self.blocks, x, self.norm, leading))


def both(seen: Seen) -> Tensor:
    """The mean of the first two tokens."""
    return (seen.hidden[:, 0] + seen.hidden[:, 1]) / 2


class SpectrumClassifier(nn.Module):
    """Classes of a sound, from its first two tokens."""

    leading = 2

    def __init__(self, width: int, eps: float, labels: int) -> None:
        super().__init__()
        self.norm, self.out = nn.LayerNorm(width, eps), nn.Linear(width, labels)

    def forward(self, seen: Seen) -> Logits:
        return Logits(self.out(self.norm(both(seen))))


FAMILIES = {
    "audio-spectrogram-transformer": Family(
        ASTConfig,
        AST,
        (rename("embeddings.distillation_token", "tokens.distillation"), *VIT),
        "audio_spectrogram_transformer.",
        {
            Head.BASE: HeadSpec(lambda c: SeenHead(both)),
            Head.AUDIO: HeadSpec(
                lambda c: SpectrumClassifier(c.hidden_size, c.layer_norm_eps, len(c.labels)),
                (rename("classifier.layernorm", "norm"), rename("classifier.dense", "out")),
            ),
        },
        SpectrumModel,
    )
}
