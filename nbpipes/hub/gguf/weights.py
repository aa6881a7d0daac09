"""The weights of a GGUF file under the names of the model that it was converted from."""

import re
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from nbpipes.errors import CheckpointError, need
from nbpipes.hub.gguf.reader import GgufFile

WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
BLOCK = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")
COMPUTED = "rope_freqs.weight"
"""No weight: what `documents` reads as a scaling of the config."""
PLAIN = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64}


def original(name: str) -> str:
    """The name that a tensor had before the conversion; its own where it is none that we know."""
    if found := BLOCK.fullmatch(name):
        number, part, last = found.groups()
        return f"model.layers.{number}.{LAYER[part]}.{last}" if part in LAYER else name
    part, _, last = name.rpartition(".")
    return f"{WHOLE[part]}.{last}" if part in WHOLE else name


class GgufWeights:
    """The tensors of a file, with the number of bits undone: as float32 where they are not stored in a type of torch.

    llama.cpp brings the rows of llama's queries and keys into another order, which is taken back here.
    """

    def __init__(self, file: GgufFile) -> None:
        self._file = file
        self._names = {original(name): name for name in file.tensors if name != COMPUTED}
        self.shapes = MappingProxyType({name: file.tensors[own].shape for name, own in self._names.items()})
        heads = _count(file, "attention.head_count", 0)
        self._heads = {"self_attn.q_proj": heads, "self_attn.k_proj": _count(file, "attention.head_count_kv", heads)}

    def tensor(self, name: str) -> Tensor:
        own = self._names[name]
        values = dequantized(self._file, own)
        turned = next((heads for part, heads in self._heads.items() if f".{part}." in name), 0)
        if self._file.metadata.get("general.architecture") != "llama" or not turned:
            return values
        if len(values) % (2 * turned):
            raise CheckpointError(f"{own!r} has {len(values)} rows, which {turned} heads cannot share")
        return values.unflatten(0, (turned, -1, 2)).transpose(1, 2).flatten(0, 2).contiguous()

    def floating(self) -> torch.dtype | None:
        """The type of the first tensor; of fewer bits there is none in torch, so float32."""
        kinds = [PLAIN.get(stored.kind.name, torch.float32) for stored in self._file.tensors.values()]
        return kinds[0] if kinds else None


def dequantized(file: GgufFile, name: str) -> Tensor:
    """A tensor of a file as numbers, `shape` as torch has it. CheckpointError for a format that nobody can undo."""
    stored, data = file.tensors[name], file.bytes_of(name)
    if (plain := PLAIN.get(stored.kind.name)) is not None:
        return torch.from_numpy(data.copy()).view(plain).view(stored.shape)
    quants: Any = need("gguf.quants", "gguf")
    rows = data.reshape(*stored.shape[:-1], -1)
    try:
        return torch.from_numpy(quants.dequantize(rows, stored.kind))
    except NotImplementedError as error:
        raise CheckpointError(f"tensor {name!r} has the format {stored.kind.name}, which cannot be read") from error


def _count(file: GgufFile, name: str, default: int) -> int:
    value = file.metadata.get(f"{file.metadata.get('general.architecture')}.{name}", default)
    return value if isinstance(value, int) and 0 <= value < 1 << 16 else default
