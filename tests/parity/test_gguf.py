"""GGUF files as transformers reads them, and a real model in one as the folder that it was converted from."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nbpipes import pipeline
from nbpipes.hub.repo import Repo
from nbpipes.layers.few_rows import Halves, halves_pay
from nbpipes.layers.linear import Linear
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")
pytestmark = [pytest.mark.parity, pytest.mark.timeout(1500)]
GOLDEN = Path(__file__).parents[1] / "golden"
TEXTS = [
    "The capital of France is",
    "Once upon a time",
    "def fibonacci(n):",
    "Water boils at",
    "The quick brown fox",
    "In 1969, humans",
    "My favourite colour is",
    "Zoë 日本 12345 3.14  two  spaces\n\n\ttab",
    "E = mc",
    "The sun rises in",
]
QUESTIONS = [
    "What is the capital of France?",
    "Name three fruits.",
    "What is 2+2?",
    "Write a haiku about rain.",
    "Who wrote Hamlet?",
    "What is photosynthesis?",
    "Translate 'hello' to French.",
    "List the primes below 20.",
    "What colour is the sky?",
    "Say hello.",
]


@pytest.mark.parametrize("name", ["llama/causal-writer", "qwen2/causal"])
def test_weights_are_those_that_transformers_reads(name, write_gguf, tmp_path):
    path = write_gguf(GOLDEN / name, tmp_path / "tiny.gguf", tokenizer=GOLDEN / "llama/tokenizer")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name, dtype=torch.float32)
    ours = load_model(Repo(path), [Head.CAUSAL], task="test")
    held = theirs.state_dict()
    for stored in ours.checkpoint.shapes():
        torch.testing.assert_close(ours.checkpoint.tensor(stored).float(), held[stored], rtol=0, atol=0)


GREEDY = {"max_new_tokens": 12, "do_sample": False}


@pytest.fixture(scope="module")
def smol(checkpoint, tmp_path_factory) -> tuple[Path, Path]:
    """A real model as the GGUF file in which it comes, and as the folder that we make of it."""
    file = checkpoint("SmolLM2-135M-Instruct-GGUF") / "Q4_1.gguf"
    folder = tmp_path_factory.mktemp("smol")
    pipeline("text-generation", model=file, device="cpu").save_pretrained(folder)
    return file, folder


def items() -> list:
    return [*TEXTS, *([{"role": "user", "content": question}] for question in QUESTIONS)]


def test_a_real_file_answers_as_transformers_does(smol):
    file, folder = smol
    answers = pipeline(model=file, device="cpu")(items(), **GREEDY)
    theirs = transformers.pipeline("text-generation", model=str(folder), device="cpu", dtype=torch.float32)
    assert answers == [theirs(item, **GREEDY) for item in items()]
    assert answers[10][0]["generated_text"][-1]["content"] == "The capital of France is Paris."


def test_a_real_file_has_the_weights_that_transformers_reads(smol, tmp_path):
    file, _ = smol
    (tmp_path / "smol.gguf").symlink_to(file)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="smol.gguf", dtype=torch.float32)
    ours = load_model(Repo(file), [Head.CAUSAL], task="test")
    held = theirs.state_dict()
    for stored in ours.checkpoint.shapes():
        assert torch.equal(ours.checkpoint.tensor(stored), held[stored]), stored


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16])
def test_weights_published_in_16_bits_answer_in_float32_as_those_of_transformers(smol, stored, tmp_path):
    folder = shutil.copytree(smol[1], tmp_path / "published")
    file = folder / "model.safetensors"
    save_file({name: weight.to(stored) for name, weight in load_file(file).items()}, file, metadata={"format": "pt"})
    ours = pipeline("text-generation", model=folder, device="cpu")
    theirs = transformers.pipeline("text-generation", model=str(folder), device="cpu", dtype=torch.float32)
    wanted = [theirs(item, **GREEDY) for item in items()]
    assert ours.model.dtype == torch.float32
    assert ours(items(), **GREEDY) == wanted
    assert [ours(item, **GREEDY) for item in items()] == wanted
    if halves_pay():
        layers = [layer for layer in ours.model.modules() if isinstance(layer, Linear)]
        assert all(isinstance(layer.few, Halves) for layer in layers)


def test_half_precision_answers_as_before_its_conversion(smol, write_gguf, tmp_path):
    _, folder = smol
    converted = pipeline(model=write_gguf(folder, tmp_path / "smol.gguf", "F16", "smollm"), device="cpu")
    plain = pipeline("text-generation", model=folder, device="cpu", dtype="float16")
    plain.model.float()  # the weights are now rounded as those of the file
    assert converted(items(), **GREEDY) == plain(items(), **GREEDY)
