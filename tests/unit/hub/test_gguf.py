"""GGUF files: the same model as the folder they were made of, the same numbers as gguf's own, and no damage done."""

import json
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbpipes import pipeline
from nbpipes.engine.spec import PipeSpec
from nbpipes.errors import CheckpointError, ConfigError, NbpipesError, RepoError, TokenizerError
from nbpipes.hub.gguf.documents import config
from nbpipes.hub.gguf.reader import MAGIC, GgufFile
from nbpipes.hub.gguf.weights import dequantized
from nbpipes.hub.repo import Repo
from nbpipes.processing.text import Tokenizer

gguf = pytest.importorskip("gguf")
GOLDEN = Path(__file__).parents[2] / "golden"
WRITER, TOKENIZER = GOLDEN / "llama/causal-writer", GOLDEN / "llama/tokenizer"
TEXTS = ["Paris is", "Who lives in London? Sarah", "a  b\n\tZoë 日本 12345 🙂"]
GREEDY = {"max_new_tokens": 8, "do_sample": False}
QUANTS = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q6_K")


@pytest.fixture(scope="module")
def tiny(write_gguf, tmp_path_factory) -> Path:
    return write_gguf(WRITER, tmp_path_factory.mktemp("gguf") / "tiny.gguf", tokenizer=TOKENIZER)


def writer(path: Path, kind: str = "llama", *, sizes: bool = True):
    found = gguf.GGUFWriter(path, kind)
    if sizes:
        found.add_block_count(1)
        found.add_embedding_length(8)
        found.add_feed_forward_length(8)
        found.add_head_count(2)
    return found


def written(found, *, words: int = 4) -> Path:
    found.add_tensor("token_embd.weight", np.zeros((words, 8), np.float32))
    found.write_header_to_file()
    found.write_kv_data_to_file()
    found.write_tensors_to_file()
    found.close()
    return Path(found.path)


def test_a_file_answers_as_the_folder_that_it_was_made_of(tiny):
    ours = pipeline("text-generation", model=WRITER, tokenizer=TOKENIZER, device="cpu")
    theirs = pipeline(model=tiny, device="cpu")
    assert theirs.task == "text-generation"
    assert theirs.generation_config == ours.generation_config
    for name, weight in ours.model.state_dict().items():
        assert torch.equal(weight, theirs.model.state_dict()[name]), name
    assert theirs(TEXTS, **GREEDY) == ours(TEXTS, **GREEDY)
    for text in TEXTS:
        assert theirs.tokenizer(text) == ours.tokenizer(text)
    chat = [{"role": "user", "content": "Who lives in London?"}]
    assert theirs(chat, **GREEDY) == ours(chat, **GREEDY)


def test_a_file_becomes_a_folder(tiny, tmp_path):
    theirs = pipeline(model=str(tiny), device="cpu")
    theirs.save_pretrained(tmp_path / "saved")
    again = pipeline(model=tmp_path / "saved", device="cpu")
    assert again(TEXTS, **GREEDY) == theirs(TEXTS, **GREEDY)


def test_the_number_format_is_that_of_the_file_if_wanted(tiny):
    assert pipeline(model=tiny, device="cpu").model.dtype == torch.float32
    assert pipeline(model=tiny, device="cpu", dtype="auto").model.dtype == torch.float16


def test_a_file_can_be_opened_again_elsewhere(tiny):
    spec = PipeSpec.of(pipeline(model=tiny, device="cpu"))
    assert (spec.model, spec.files) == (str(tiny.resolve()), ((tiny.name, tiny.stat().st_size),))
    assert spec.build()("Paris is", **GREEDY)


@pytest.mark.filterwarnings("ignore:invalid value")  # bytes by chance are not always numbers
@pytest.mark.parametrize("kind", QUANTS)
def test_numbers_are_those_of_the_gguf_package(kind, tmp_path):
    form = gguf.GGMLQuantizationType[kind]
    block, width = gguf.GGML_QUANT_SIZES[form]
    draw = np.random.default_rng(3)
    stored = draw.integers(0, 256, (6, 512 // block * width), np.uint8)
    path = tmp_path / "one.gguf"
    one = gguf.GGUFWriter(path, "llama")
    one.add_tensor("x", stored, raw_dtype=form)
    one.write_header_to_file()
    one.write_kv_data_to_file()
    one.write_tensors_to_file()
    one.close()
    found = dequantized(GgufFile(path), "x")
    assert found.shape == (6, 512)
    plain = {"F32": np.float32, "F16": np.float16}.get(kind)
    expected = stored.view(plain) if plain else gguf.quants.dequantize(stored, form)
    np.testing.assert_array_equal(found.float().numpy(), expected.astype(np.float32))


@pytest.mark.parametrize("name", ["llama", "llama-new"])
def test_pieces_that_merge_by_score_are_those_of_the_sentencepiece_model(name, tmp_path):
    from nbpipes.processing.sentencepiece import read

    folder = GOLDEN / "tokenizers" / name
    model = read((folder / "tokenizer.model").read_bytes())
    found = writer(tmp_path / "pieces.gguf")
    found.add_tokenizer_model("llama")
    found.add_token_list([piece.text for piece in model.pieces])
    found.add_token_scores([piece.score for piece in model.pieces])
    found.add_token_types([piece.kind for piece in model.pieces])
    for role, add in (
        ("unk", found.add_unk_token_id),
        ("bos", found.add_bos_token_id),
        ("eos", found.add_eos_token_id),
    ):
        add(("unk", "bos", "eos").index(role))
    ours = Tokenizer.load(Repo(written(found, words=len(model.pieces))))
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "tokenizer.model").write_bytes((folder / "tokenizer.model").read_bytes())
    (plain / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer", "legacy": True}))
    theirs = Tokenizer.load(Repo(plain))
    for text in [*TEXTS, "", " x ", "the quick brown fox"]:
        ids = ours(text)["input_ids"]
        assert ids == theirs(text)["input_ids"]
        assert ours.decode(ids) == theirs.decode(ids)


def test_merges_that_lead_to_no_token_are_refused(tmp_path):
    found = writer(tmp_path / "merges.gguf")
    found.add_tokenizer_model("gpt2")
    found.add_tokenizer_pre("llama-bpe")
    found.add_token_list(["<s>", "</s>", "a", "b"])
    found.add_token_types([3, 3, 1, 1])
    found.add_token_merges(["a b"])
    with pytest.raises(TokenizerError):
        Tokenizer.load(Repo(written(found)))


def test_templates_may_have_names_and_texts_a_frame(tmp_path):
    found = writer(tmp_path / "named.gguf")
    found.add_tokenizer_model("gpt2")
    found.add_token_list(["<s>", "a", "b", "ab"])
    found.add_token_types([3, 1, 1, 1])
    found.add_token_merges(["a b"])
    found.add_bos_token_id(0)
    found.add_add_bos_token(True)
    found.add_chat_template([{"name": "default", "template": "A"}, {"name": "tool_use", "template": "B"}])
    tokenizer = Tokenizer.load(Repo(written(found)))
    assert tokenizer.chat_templates == {"default": "A", "tool_use": "B"}
    assert tokenizer("ab")["input_ids"] == [0, 3]


def test_stretched_positions_are_read(tmp_path):
    found = writer(tmp_path / "rope.gguf")
    found.add_context_length(64)
    found.add_tensor("rope_freqs.weight", np.array([1, 8], np.float32))
    scaling = config(GgufFile(written(found)))["rope_scaling"]
    assert (scaling["long_factor"], scaling["attention_factor"]) == ([1, 8], 1.0)
    found = writer(tmp_path / "yarn.gguf")
    found.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    found.add_rope_scaling_factor(4.0)
    found.add_rope_scaling_orig_ctx_len(16)
    expected = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
    assert config(GgufFile(written(found)))["rope_scaling"] == expected


def test_other_architectures_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"'mamba'.*llama, qwen2"):
        Repo(written(writer(tmp_path / "m.gguf", "mamba"))).json("config.json")
    with pytest.raises(ConfigError, match=r"llama\.block_count"):
        Repo(written(writer(tmp_path / "n.gguf", sizes=False))).json("config.json")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"not that")
    with pytest.raises(RepoError, match="no GGUF file"):
        Repo(tmp_path / "x.gguf")


@pytest.mark.parametrize("place", [8, 16, 24])
def test_numbers_that_no_file_can_hold_are_refused_at_once(place, tiny, tmp_path):
    data = bytearray(tiny.read_bytes())
    data[place : place + 8] = struct.pack("<Q", 1 << 60)
    (tmp_path / "large.gguf").write_bytes(data)
    with pytest.raises(CheckpointError, match="announced"):
        GgufFile(tmp_path / "large.gguf")


def test_tensors_end_within_the_file(tiny, tmp_path):
    (tmp_path / "cut.gguf").write_bytes(tiny.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="should end at byte"):
        GgufFile(tmp_path / "cut.gguf")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_named(data, tiny, tmp_path):
    whole = bytearray(tiny.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(len(MAGIC), len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.gguf"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    with suppress(NbpipesError):
        pipeline("text-generation", model=path, device="cpu")
