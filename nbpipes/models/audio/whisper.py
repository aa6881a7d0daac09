"""Whisper (https://arxiv.org/abs/2212.04356), multilingual and English, in all sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbpipes.errors import InputError
from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, rename
from nbpipes.layers.attention import Attention
from nbpipes.layers.block import MLP, Block, Blocks
from nbpipes.layers.cross_attention import CrossAttention, CrossBlock
from nbpipes.layers.decoder_attention import DecoderAttention
from nbpipes.layers.packing import Layout
from nbpipes.models.bart import DECODER, LAYER, OURS, attention_rules
from nbpipes.models.decoding import Embedding
from nbpipes.models.family import Family
from nbpipes.models.heads import Head
from nbpipes.models.seq2seq import TextDecoder
from nbpipes.models.speech import SpeechModel, SpeechTrunk, spoken_words


def _keys_without_bias(source: str, target: str) -> Rule:
    """Its keys have no bias. Ours get one of zeros, so that one layer can compute them with queries and values."""
    bias = (f"{target}.v.bias", f"{target}.k.bias")
    return Rule(f"{source}.v_proj.bias", bias, lambda tensor: (tensor, torch.zeros_like(tensor)))


WHISPER = (
    _keys_without_bias(f"encoder.{LAYER}.self_attn", f"encoder.{OURS}.attn.layer"),
    _keys_without_bias(f"decoder.{LAYER}.self_attn", f"decoder.{OURS}.attn"),
    _keys_without_bias(f"decoder.{LAYER}.encoder_attn", f"decoder.{OURS}.cross"),
    rename("encoder.conv1", "encoder.first"),
    rename("encoder.conv2", "encoder.second"),
    rename("encoder.embed_positions", "encoder.positions"),
    *attention_rules(f"encoder.{LAYER}.self_attn", f"encoder.{OURS}.attn.layer"),
    rename(f"encoder.{LAYER}.self_attn_layer_norm", f"encoder.{OURS}.attn.norm"),
    rename(f"encoder.{LAYER}.fc1", f"encoder.{OURS}.mlp.layer.up"),
    rename(f"encoder.{LAYER}.fc2", f"encoder.{OURS}.mlp.layer.down"),
    rename(f"encoder.{LAYER}.final_layer_norm", f"encoder.{OURS}.mlp.norm"),
    rename("encoder.layer_norm", "encoder.norm"),
    *DECODER,
)


@dataclass(frozen=True, kw_only=True)
class WhisperConfig(Config):
    """Config of Whisper."""

    vocab_size: int = 51865
    num_mel_bins: int = 80
    encoder_layers: int = 4
    encoder_attention_heads: int = 6
    decoder_layers: int = 4
    decoder_attention_heads: int = 6
    decoder_ffn_dim: int = 1536
    encoder_ffn_dim: int = 1536
    activation_function: str = "gelu"
    d_model: int = 384
    max_source_positions: int = 1500
    max_target_positions: int = 448
    median_filter_width: int = 7
    decoder_start_token_id: int | None = 50257
    pad_token_id: int | None = 50256
    bos_token_id: int | None = 50256
    eos_token_id: int | list | None = 50256
    suppress_tokens: list | None = None
    begin_suppress_tokens: list | None = None
    forced_decoder_ids: list | None = None

    @property
    def width(self) -> int:
        return self.d_model


class SoundEncoder(nn.Module):
    """Hears log-mel spectrograms of a fixed length, two frames as one state."""

    def __init__(self, mels: int, width: int, states: int, blocks: Blocks) -> None:
        super().__init__()
        self.first = nn.Conv1d(mels, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = nn.Embedding(states, width)
        self.blocks, self.norm = blocks, nn.LayerNorm(width)

    def forward(self, sounds: Tensor, lengths: Sequence[int] | None = None) -> tuple[Tensor, Layout]:
        """sounds: `(batch, mels, frames)`; silence at the end is heard too, whatever the lengths."""
        states, mels = len(self.positions.weight), self.first.in_channels
        if sounds.shape[1:] != (mels, 2 * states):
            raise InputError(
                f"the model hears {2 * states} frames of {mels} mel bands, not {sounds.shape[2]} of {sounds.shape[1]}: "
                "the feature extractor does not fit it"
            )
        x = F.gelu(self.second(F.gelu(self.first(sounds))))
        x = (x.transpose(1, 2) + self.positions.weight).flatten(0, 1)
        layout = Layout.of([states] * len(sounds), x.device)
        return self.norm(self.blocks(x, layout)), layout


def whisper(c: WhisperConfig) -> SpeechTrunk:
    """The trunk."""
    norm = partial(nn.LayerNorm, c.d_model)

    def block() -> Block:
        attn = Attention(c.d_model, c.encoder_attention_heads)
        return Block(attn, MLP(c.d_model, c.encoder_ffn_dim, c.activation_function), norm, pre=True)

    def cross_block() -> CrossBlock:
        attn = DecoderAttention(c.d_model, c.decoder_attention_heads, bias=True, out_bias=True)
        cross = CrossAttention(c.d_model, c.decoder_attention_heads)
        mlp = MLP(c.d_model, c.decoder_ffn_dim, c.activation_function)
        return CrossBlock(attn, cross, mlp, (norm(), norm(), norm()), pre=True)

    blocks = Blocks(block() for _ in range(c.encoder_layers))
    embedding = Embedding(c.vocab_size, c.d_model, positions=c.max_target_positions)
    return SpeechTrunk(
        SoundEncoder(c.num_mel_bins, c.d_model, c.max_source_positions, blocks),
        TextDecoder((cross_block() for _ in range(c.decoder_layers)), norm(), embedding),
        c.max_target_positions,
    )


FAMILIES = {
    "whisper": Family(WhisperConfig, whisper, WHISPER, "model.", {Head.SPEECH: spoken_words("proj_out")}, SpeechModel)
}
