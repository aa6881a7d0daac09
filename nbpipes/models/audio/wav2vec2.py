"""wav2vec 2.0 (https://arxiv.org/abs/2006.11477), HuBERT (https://arxiv.org/abs/2106.07447), UniSpeech-SAT
(https://arxiv.org/abs/2110.05752) and data2vec for sounds (https://arxiv.org/abs/2202.03555)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.hub.weights import rename
from nbpipes.layers.activations import activation
from nbpipes.models.family import Family
from nbpipes.models.frames import even
from nbpipes.models.sounds import SoundModel, WaveConfig, heads
from nbpipes.models.waves import WAVE, WaveTrunk, blocks, frame_maker, place_conv


@dataclass(frozen=True, kw_only=True)
class HubertConfig(WaveConfig):
    """Config of HuBERT."""

    feat_proj_layer_norm: bool = True
    conv_pos_batch_norm: bool = False


@dataclass(frozen=True, kw_only=True)
class Data2VecConfig(WaveConfig):
    """Config of data2vec, whose convolutions have a norm each."""

    feat_extract_norm: str = "layer"
    num_conv_pos_embeddings: int = 5
    conv_pos_kernel_size: int = 19


class PlaceStack(nn.Module):
    """What a frame's surroundings say about its place: several grouped convolutions, each with a plain norm."""

    def __init__(self, c: Data2VecConfig) -> None:
        super().__init__()
        self.width, self.act = c.hidden_size, activation(c.feat_extract_activation)
        kernel, groups = c.conv_pos_kernel_size, c.num_conv_pos_embedding_groups
        self.layers = nn.ModuleList(
            nn.Conv1d(c.hidden_size, c.hidden_size, kernel, padding=kernel // 2, groups=groups)
            for _ in range(c.num_conv_pos_embeddings)
        )

    def forward(self, x: Tensor, lengths: Sequence[int]) -> Tensor:
        """x: `(frames, width)` of all sounds. lengths: frames of each."""
        return torch.cat([self._one(part) for part in x.split(list(lengths))])

    def _one(self, x: Tensor) -> Tensor:
        """x: `(frames, width)` of one sound."""
        frames = len(x)
        for layer in self.layers:
            maps = layer(F.pad(x.T, (0, even(frames) - frames))[None])[0, :, :frames]
            x = self.act(F.layer_norm(maps.T, (self.width,)))
        return x


def trunk(c: WaveConfig) -> WaveTrunk:
    """The trunk of wav2vec 2.0."""
    return WaveTrunk(c, frame_maker(c), place_conv(c), blocks(c), pre=c.do_stable_layer_norm)


def hubert(c: HubertConfig) -> WaveTrunk:
    """The trunk of HuBERT."""
    places = place_conv(c, normed=not c.conv_pos_batch_norm)
    return WaveTrunk(c, frame_maker(c), places, blocks(c), pre=c.do_stable_layer_norm, norm=c.feat_proj_layer_norm)


def data2vec(c: Data2VecConfig) -> WaveTrunk:
    """The trunk of data2vec."""
    return WaveTrunk(c, frame_maker(c), PlaceStack(c), blocks(c), pre=False)


FAMILIES = {
    "wav2vec2": Family(WaveConfig, trunk, WAVE, "wav2vec2.", heads(), SoundModel),
    "hubert": Family(HubertConfig, hubert, WAVE, "hubert.", heads(), SoundModel),
    "unispeech-sat": Family(WaveConfig, trunk, WAVE, "unispeech_sat.", heads(), SoundModel),
    "data2vec-audio": Family(
        Data2VecConfig,
        data2vec,
        (rename("encoder.pos_conv_embed.layers.{i}.conv", "places.layers.{i}"), *WAVE),
        "data2vec_audio.",
        heads(),
        SoundModel,
    ),
}
