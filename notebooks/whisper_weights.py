"""Turn a Whisper of CTranslate2 into what a Hugging Face folder holds, without the ctranslate2 package.

Its ``model.bin`` has, little endian: u32 version; name of the kind; u32 revision; u32 count; for each variable name,
u8 rank, u32 sizes, u8 type, u32 number of bytes, bytes; u32 count of aliases; for each alias its name and the variable
it stands for. A name is a u16 length, which counts the closing NUL, and its bytes.
"""

import json
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from onnx_weights import Array, Floats

VERSION = 6
DTYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
# As on the Hub for both vocabularies: in that of English alone it is the start of a transcript, else the end of a text.
BOS = 50257
MULTILINGUAL = 51865  # tokens that such a model has at least
END_OF_TEXT = "<|endoftext|>"


@dataclass(frozen=True)
class Stored:
    """What ``model.bin`` holds."""

    kind: str
    variables: Mapping[str, Array]
    aliases: Mapping[str, str]

    def of(self, name: str) -> Array:
        return self.variables[self.aliases.get(name, name)]

    def layers(self, side: str) -> int:
        """How many layers the "encoder" or the "decoder" has."""
        found = (re.match(rf"{side}/layer_(\d+)/", name) for name in self.variables)
        return 1 + max(int(match[1]) for match in found if match)


def read_ctranslate2(path: Path) -> Stored:
    """Read ``model.bin``; what is not that, or cut short, is a ValueError."""
    with path.open("rb") as stream:
        version = number(stream, "I")
        if version != VERSION:
            raise ValueError(f"{path.name} is of version {version} of CTranslate2's format, {VERSION} is expected")
        kind = text(stream)
        number(stream, "I")
        variables = dict(variable(stream) for _ in range(number(stream, "I")))
        aliases = {text(stream): text(stream) for _ in range(number(stream, "I"))}
        if stream.read(1):
            raise ValueError(f"{path.name} goes on where its content has ended")
    return Stored(kind, variables, aliases)


def taken(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise ValueError("the file of CTranslate2 is cut short")
    return data


def number(stream: BinaryIO, code: str) -> int:
    return struct.unpack("<" + code, taken(stream, struct.calcsize("<" + code)))[0]


def text(stream: BinaryIO) -> str:
    return taken(stream, number(stream, "H")).rstrip(b"\0").decode("utf-8")


def variable(stream: BinaryIO) -> tuple[str, Array]:
    name = text(stream)
    shape = [number(stream, "I") for _ in range(number(stream, "B"))]
    kind = number(stream, "B")
    if kind not in DTYPES:
        raise ValueError(f"{name} is of a type ({kind}) that is not read")
    return name, np.frombuffer(taken(stream, number(stream, "I")), DTYPES[kind]).reshape(shape)


# ---------------------------------------------------------------- weights

ATTENTION = {"self_attention": "self_attn", "attention": "encoder_attn"}


def whisper_tensors(stored: Stored) -> dict[str, Floats]:
    """The weights under the names of WhisperForConditionalGeneration."""
    if stored.kind != "WhisperSpec":
        raise ValueError(f"this is a {stored.kind!r} of CTranslate2, and no Whisper")
    named = {name: values for source in stored.variables for name, values in hub_tensors(stored, source)}
    return {name: values.astype(np.float32) for name, values in named.items()}


def hub_tensors(stored: Stored, source: str) -> Iterator[tuple[str, Array]]:
    """Names and values of what one variable holds: none for plain settings, several where projections are stacked."""
    values = stored.variables[source]
    module, _, last = source.rpartition("/")
    ending = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "encodings": "weight"}.get(last)
    if ending is None or source.startswith("decoder/projection"):  # the projection is the embeddings once more
        return
    side, _, rest = module.partition("/")
    layer = re.fullmatch(r"layer_(\d+)/(\w+)/(\w+)", rest)
    if layer is None:
        top = {"embeddings": "embed_tokens", "position_encodings": "embed_positions"}.get(rest, rest)
        yield f"model.{side}.{top}.{ending}", values
        return
    index, block, part = layer.groups()
    for name, piece in layer_tensors(block, part, values):
        if not name.endswith("k_proj") or ending == "weight":
            yield f"model.{side}.layers.{index}.{name}.{ending}", piece
        elif np.any(piece):
            raise ValueError(f"{source}: keys of a Whisper have no bias, but here they do")


def layer_tensors(block: str, part: str, values: Array) -> list[tuple[str, Array]]:
    """Queries, keys and values are stacked in this order: all three of attention to itself, else the last two."""
    if block == "ffn":
        return [({"layer_norm": "final_layer_norm", "linear_0": "fc1", "linear_1": "fc2"}[part], values)]
    own = ATTENTION[block]
    if part == "layer_norm":
        return [(f"{own}_layer_norm", values)]
    stacked = ("qkv", "o") if block == "self_attention" else ("q", "kv", "o")
    letters = stacked[int(part.removeprefix("linear_"))]
    names = [f"{own}.{'out' if letter == 'o' else letter}_proj" for letter in letters]
    return list(zip(names, np.split(values, len(names)), strict=True))


# ---------------------------------------------------------------- tokenizer and settings


def whisper_tokenizer(shipped: Mapping[str, Any], vocabulary: Sequence[str]) -> dict[str, Any]:
    """The tokenizer with the tokens of times, <|0.00|> to <|30.00|>, which the vocabulary has and CTranslate2's lacks.

    As on the Hub they are added, but not special.
    """
    added = list(shipped["added_tokens"])
    known = {token["id"] for token in added}
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    added += [
        {"id": place, "content": token, **plain}
        for place, token in enumerate(vocabulary)
        if place not in known and re.fullmatch(r"<\|\d+\.\d\d\|>", token)
    ]
    for token in added:
        if vocabulary[token["id"]] != token["content"]:
            raise ValueError(f"tokenizer and vocabulary disagree on id {token['id']}")
    return {**shipped, "added_tokens": added}


def whisper_config(stored: Stored, ids: Mapping[str, int]) -> dict[str, Any]:
    """config.json; ids: of the added tokens."""
    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in (
            ("attention_heads", int(stored.of(f"{side}/num_heads"))),
            ("ffn_dim", len(stored.of(f"{side}/layer_0/ffn/linear_0/weight"))),
            ("layers", stored.layers(side)),
        )
    }
    vocabulary, width = stored.of("decoder/embeddings/weight").shape
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "activation_function": "gelu",
        "bos_token_id": BOS,
        "d_model": width,
        **sides,
        "decoder_start_token_id": ids["<|startoftranscript|>"],
        "eos_token_id": ids[END_OF_TEXT],
        "is_encoder_decoder": True,
        "max_source_positions": len(stored.of("encoder/position_encodings/encodings")),
        "max_target_positions": len(stored.of("decoder/position_encodings/encodings")),
        "median_filter_width": 7,
        "num_mel_bins": stored.of("encoder/conv1/weight").shape[1],
        "pad_token_id": ids[END_OF_TEXT],
        "scale_embedding": False,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "vocab_size": vocabulary,
    }


def whisper_generation(config: Mapping[str, Any], ids: Mapping[str, int], hints: Mapping[str, Any]) -> dict[str, Any]:
    """generation_config.json. hints: config.json of CTranslate2, whose "lang_ids" are wrong for English alone."""
    multilingual = config["vocab_size"] >= MULTILINGUAL
    settings = {
        "alignment_heads": hints["alignment_heads"],
        "begin_suppress_tokens": hints["suppress_ids_begin"],
        "bos_token_id": BOS,
        "decoder_start_token_id": config["decoder_start_token_id"],
        "eos_token_id": config["eos_token_id"],
        "is_multilingual": multilingual,
        "max_initial_timestamp_index": 50,
        "max_length": config["max_target_positions"],
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "pad_token_id": config["pad_token_id"],
        "prev_sot_token_id": ids["<|startofprev|>"],
        "return_timestamps": False,
        "suppress_tokens": hints["suppress_ids"],
    }
    if not multilingual:
        return settings
    return settings | {
        "forced_decoder_ids": [[1, None], [2, ids["<|transcribe|>"]]],
        "lang_to_id": {token: place for token, place in ids.items() if re.fullmatch(r"<\|[a-z]{2,3}\|>", token)},
        "task_to_id": {name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")},
    }


def whisper_files(folder: Path) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Weights, and what goes into the JSON files, of the files of CTranslate2 in a folder, which are removed.

    ``model.bin`` may come in parts; the vocabulary is a list in JSON, or one token a line.
    """
    binary = folder / "model.bin"
    for part in sorted(folder.glob("model.bin.part*")):
        with binary.open("ab") as whole:
            whole.write(part.read_bytes())
        part.unlink()
    stored = read_ctranslate2(binary)
    listed, lines = folder / "vocabulary.json", folder / "vocabulary.txt"
    vocabulary = read_json(listed) if listed.exists() else lines.read_text(encoding="utf-8").split("\n")
    tokenizer = whisper_tokenizer(read_json(folder / "tokenizer.json"), vocabulary)
    ids = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    config = whisper_config(stored, ids)
    generation = whisper_generation(config, ids, read_json(folder / "config.json"))
    for path in (binary, listed, lines):
        path.unlink(missing_ok=True)
    return whisper_tensors(stored), {
        "config.json": config,
        "generation_config.json": generation,
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {
            "additional_special_tokens": [token["content"] for token in tokenizer["added_tokens"] if token["special"]],
            **{f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "pad", "unk")},
            "errors": "replace",
            "model_max_length": 1024,
            "tokenizer_class": "WhisperTokenizer",
        },
        "preprocessor_config.json": {
            "chunk_length": 30,
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": config["num_mel_bins"],
            "hop_length": 160,
            "n_fft": 400,
            "padding_side": "right",
            "padding_value": 0.0,
            "return_attention_mask": False,
            "sampling_rate": 16000,
        },
    }


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
