"""The reader of CTranslate2's Whisper: what it reads, what it calls it, and that damage is a ValueError."""

import struct
from pathlib import Path

import numpy as np
import pytest

ATTENTION = np.arange(6, dtype="<f4")


def name(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def variable(title: str, values: np.ndarray, kind: int) -> bytes:
    shape = struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
    return name(title) + shape + struct.pack("<BI", kind, values.nbytes) + values.tobytes()


def model(*variables: bytes, kind: str = "WhisperSpec", version: int = 6) -> bytes:
    head = struct.pack("<I", version) + name(kind) + struct.pack("<II", 3, len(variables))
    return head + b"".join(variables) + struct.pack("<I", 1) + name("alias") + name("encoder/num_heads")


FILE = model(
    variable("encoder/num_heads", np.array(6, "i1"), 1),
    variable("encoder/layer_0/self_attention/linear_0/weight", ATTENTION[:, None].astype("<f2"), 4),
    variable("encoder/layer_0/self_attention/linear_0/bias", np.array([1, 1, 0, 0, 2, 2], "<f4"), 0),
    variable("decoder/layer_11/attention/linear_2/bias", ATTENTION, 0),
    variable("decoder/layer_11/ffn/layer_norm/gamma", ATTENTION, 0),
    variable("decoder/position_encodings/encodings", ATTENTION, 0),
    variable("decoder/projection/weight", ATTENTION, 0),
)


def test_variables_get_the_names_of_the_hub(tmp_path: Path) -> None:
    from whisper_weights import read_ctranslate2, whisper_tensors

    (tmp_path / "model.bin").write_bytes(FILE)
    stored = read_ctranslate2(tmp_path / "model.bin")
    assert int(stored.of("alias")) == 6
    assert stored.layers("decoder") == 12
    tensors = whisper_tensors(stored)
    assert {key: values.ravel().tolist() for key, values in tensors.items()} == {
        "model.encoder.layers.0.self_attn.q_proj.weight": [0, 1],
        "model.encoder.layers.0.self_attn.k_proj.weight": [2, 3],
        "model.encoder.layers.0.self_attn.v_proj.weight": [4, 5],
        "model.encoder.layers.0.self_attn.q_proj.bias": [1, 1],
        "model.encoder.layers.0.self_attn.v_proj.bias": [2, 2],
        "model.decoder.layers.11.encoder_attn.out_proj.bias": [0, 1, 2, 3, 4, 5],
        "model.decoder.layers.11.final_layer_norm.weight": [0, 1, 2, 3, 4, 5],
        "model.decoder.embed_positions.weight": [0, 1, 2, 3, 4, 5],
    }
    assert {values.dtype for values in tensors.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (FILE[:-3], "cut short"),
        (FILE + b"x", "goes on"),
        (model(version=7), "version 7"),
        (model(variable("a", ATTENTION, 9)), "type"),
        (model(kind="TransformerSpec"), "no Whisper"),
        (model(variable("encoder/layer_0/self_attention/linear_0/bias", ATTENTION, 0)), "no bias"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: bytes, complaint: str) -> None:
    from whisper_weights import read_ctranslate2, whisper_tensors

    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        whisper_tensors(read_ctranslate2(tmp_path / "model.bin"))


def test_tokens_of_times_are_added() -> None:
    from whisper_weights import whisper_tokenizer

    end = {"id": 1, "content": "<|endoftext|>", "special": True}
    found = whisper_tokenizer({"added_tokens": [end]}, ["a", "<|endoftext|>", "<|0.00|>", "<|0.02|>"])
    assert [(token["id"], token["content"], token["special"]) for token in found["added_tokens"]] == [
        (1, "<|endoftext|>", True),
        (2, "<|0.00|>", False),
        (3, "<|0.02|>", False),
    ]
    with pytest.raises(ValueError, match="disagree on id 1"):
        whisper_tokenizer({"added_tokens": [end]}, ["a", "b"])
