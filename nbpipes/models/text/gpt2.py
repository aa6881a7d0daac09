"""GPT-2 (https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf)."""

import math
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from nbpipes.hub.config import Config
from nbpipes.hub.weights import Rule, drop, rename
from nbpipes.layers.block import MLP
from nbpipes.layers.decoder_attention import DecoderAttention, Manner
from nbpipes.layers.decoder_block import DecoderBlock
from nbpipes.models.decoding import HEADS, CausalTrunk, Embedding
from nbpipes.models.family import Family

LAYER, OURS = "h.{i}", "blocks.{i}"


def turned_over(source: str, *targets: str) -> Rule:
    """A weight that is stored as (in, out), cut into equal parts of its outputs."""

    def change(tensor: Tensor) -> tuple[Tensor, ...]:
        return tuple(part.t().contiguous() if part.dim() == 2 else part for part in tensor.chunk(len(targets), -1))

    return Rule(source, targets, change)


GPT2 = (
    rename("wte", "tokens"),
    rename("wpe", "positions"),
    rename(f"{LAYER}.ln_1", f"{OURS}.attn_norm"),
    drop(f"{LAYER}.attn.bias"),
    drop(f"{LAYER}.attn.masked_bias"),
    turned_over(f"{LAYER}.attn.c_attn", *(f"{OURS}.attn.{name}" for name in "qkv")),
    turned_over(f"{LAYER}.attn.c_proj", f"{OURS}.attn.out"),
    rename(f"{LAYER}.ln_2", f"{OURS}.mlp_norm"),
    turned_over(f"{LAYER}.mlp.c_fc", f"{OURS}.mlp.up"),
    turned_over(f"{LAYER}.mlp.c_proj", f"{OURS}.mlp.down"),
    rename("ln_f", "norm"),
)


@dataclass(frozen=True, kw_only=True)
class Gpt2Config(Config):
    """Config of GPT-2."""

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    bos_token_id: int | None = 50256
    eos_token_id: int | list | None = 50256

    @property
    def hidden_size(self) -> int:
        return self.n_embd


def gpt2(c: Gpt2Config) -> CausalTrunk:
    """The trunk of GPT-2."""
    norm = partial(nn.LayerNorm, c.n_embd, c.layer_norm_epsilon)

    def block(i: int) -> DecoderBlock:
        scale = 1 / math.sqrt(c.n_embd // c.n_head) if c.scale_attn_weights else 1.0
        if c.scale_attn_by_inverse_layer_idx:
            scale /= i + 1
        return DecoderBlock(
            DecoderAttention(c.n_embd, c.n_head, bias=True, out_bias=True, manner=Manner(scale=scale)),
            MLP(c.n_embd, c.n_inner or 4 * c.n_embd, c.activation_function),
            (norm(), norm()),
        )

    embedding = Embedding(c.vocab_size, c.n_embd, positions=c.n_positions)
    return CausalTrunk((block(i) for i in range(c.n_layer)), norm(), embedding)


FAMILIES = {"gpt2": Family(Gpt2Config, gpt2, GPT2, "transformer.", HEADS)}
