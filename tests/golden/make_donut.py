"""Tiny models that see a page and write about it, and what the reference's task makes of their answers."""

import json
import shutil
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import torch
from make_models import compact
from make_processors import PICTURES
from make_seq2seq import randomise
from make_tasks import plain
from make_tokenizers import SENTENCES, pieces
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    DonutImageProcessor,
    DonutSwinConfig,
    MBartConfig,
    Pipeline,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    XLMRobertaTokenizerFast,
    pipeline,
)

LIMIT = 72
HEIGHT, WIDTH = 56, 44
"""Of pages: neither windows nor the stages divide them evenly."""
TAGS = ["<s_docvqa>", "<s_question>", "</s_question>", "<s_answer>", "</s_answer>"]
ENCODER = {"patch_size": 4, "embed_dim": 8, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4, "mlp_ratio": 2.0}
DECODER = {
    "d_model": 16,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 20,
    "max_position_embeddings": LIMIT,
    "scale_embedding": True,
    "add_cross_attention": True,
    "is_decoder": True,
    "is_encoder_decoder": False,
}
CHECKPOINTS: dict[str, dict[str, Any]] = {
    "vision2seq": {"writing": {"no_repeat_ngram_size": 2, "max_length": LIMIT}},
    # Settings in config.json alone, as before there was another file for them; and states of another width.
    "vision2seq-older": {
        "encoder": {"embed_dim": 12, "depths": [1, 1], "mlp_ratio": 1.0},
        "older": {"num_beams": 2, "no_repeat_ngram_size": 3, "max_length": LIMIT},
    },
}
ASKED = SENTENCES[2].partition("?")[0] + "?"
QUESTIONS = (ASKED, "When was the tower of Paris built?", "Is it 5 € or <yes/>?", "Café")
Case = tuple[str, list[Any], dict[str, Any], dict[str, Any]]
"""Checkpoint, arguments and keywords of the call, and settings of the writing."""


def asked(picture: str, question: str) -> dict[str, Any]:
    return {"image": picture, "question": question}


SEVERAL = [
    asked(picture, QUESTIONS[i % len(QUESTIONS)])
    for i, picture in enumerate(("tall", "wide", "large", "tall", "square", "tiny"))
]
CASES: list[Case] = [  # one by one: the reference cannot do several of them in a batch
    ("vision2seq", [], asked("tall", ASKED), {}),
    ("vision2seq", ["wide", ASKED], {}, {}),
    ("vision2seq", [asked("large", QUESTIONS[1])], {}, {}),
    ("vision2seq", [SEVERAL], {}, {}),
    ("vision2seq", [SEVERAL], {"top_k": 2}, {"num_beams": 3}),
    ("vision2seq", [SEVERAL[:3]], {}, {"num_beams": 4, "early_stopping": True, "length_penalty": 2.0}),
    ("vision2seq", [], asked("tall", ASKED) | {"word_boxes": [["London", [1, 2, 3, 4]]]}, {}),
    ("vision2seq", [SEVERAL[0]], {}, {"max_new_tokens": 2}),
    ("vision2seq-older", [SEVERAL], {}, {}),
    ("vision2seq-older", ["grey", QUESTIONS[1]], {}, {"num_beams": 3, "max_new_tokens": 20}),
]


def make_donut(folder: Path) -> None:
    """Writes tokenizer, checkpoints with their logits, and documents.json."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tokenizer").mkdir(parents=True)
    tokenizer = XLMRobertaTokenizerFast(pieces(folder / "tokenizer", "sentencepiece.bpe.model"), model_max_length=LIMIT)
    tokenizer.add_special_tokens({"additional_special_tokens": TAGS})
    tokenizer.add_tokens(["<yes/>", "<no/>"])
    tokenizer.save_pretrained(folder / "tokenizer")
    (folder / "tokenizer" / "sentencepiece.bpe.model").unlink()
    for path in (folder / "tokenizer").glob("*.json"):
        compact(path)
    made = []
    for name in CHECKPOINTS:
        made += telling(folder / name, tokenizer)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in made)
    (folder / "documents.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def telling(folder: Path, tokenizer: XLMRobertaTokenizerFast) -> list[dict[str, Any]]:
    """Writes the first checkpoint that closes its answers, mostly, as trained ones do; gives its cases."""
    for seed in count():
        model = make_checkpoint(folder, tokenizer, seed)
        cases = [answered(case, folder) for case in CASES if case[0] == folder.name]
        answers = [one["answer"] for case in cases for one in flat(case["result"])]
        written = {answer for answer in answers if answer}
        if len(written) > 3 and answers.count(None) < len(answers) / 2:
            save_file(logits(model), folder / "logits.safetensors")
            print(f"{folder.name}: seed {seed}, {len(written)} answers, {answers.count(None)} of {len(answers)} open")
            return cases
    raise AssertionError


def make_checkpoint(folder: Path, tokenizer: XLMRobertaTokenizerFast, seed: int) -> VisionEncoderDecoderModel:
    how = CHECKPOINTS[folder.name]
    shutil.rmtree(folder, ignore_errors=True)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        DonutSwinConfig(image_size=[HEIGHT, WIDTH], **ENCODER | how.get("encoder", {})),
        MBartConfig(vocab_size=len(tokenizer), **DECODER),
        decoder_start_token_id=tokenizer.convert_tokens_to_ids("<s_docvqa>"),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=None if "older" in how else tokenizer.eos_token_id,
    )
    model = VisionEncoderDecoderModel(config)
    randomise(model, seed)
    with torch.no_grad():
        for weight in model.encoder.parameters():  # larger ones make much of the last digits
            weight *= 0.7 if weight.dim() > 1 else 1
        # A word that is likely, so that answers end.
        model.decoder.model.decoder.embed_tokens.weight[tokenizer.convert_tokens_to_ids("</s_answer>")] *= 2
    model.generation_config.update(**how.get("writing", {}))
    model.half().save_pretrained(folder)
    if "older" in how:
        (folder / "generation_config.json").unlink()
        raw = json.loads((folder / "config.json").read_text())
        raw["decoder"] |= how["older"]
        (folder / "config.json").write_text(json.dumps(raw))
    DonutImageProcessor(size={"height": HEIGHT, "width": WIDTH}).save_pretrained(folder)
    for path in folder.glob("*.json"):
        compact(path)
    return VisionEncoderDecoderModel.from_pretrained(folder, dtype=torch.float32).eval()


@torch.no_grad()
def logits(model: VisionEncoderDecoderModel) -> dict[str, Tensor]:
    """Pages, texts about them, and the logits of each next word."""
    noise = torch.Generator().manual_seed(5)
    pixels = torch.randn(2, 3, HEIGHT, WIDTH, generator=noise).half()
    ids = torch.randint(5, model.config.decoder.vocab_size, (2, 9), generator=noise)
    found = model(pixel_values=pixels.float(), decoder_input_ids=ids).logits
    spread = found.std().item()
    if not 0.5 < spread < 3.5:
        raise ValueError(f"the logits have a spread of {spread:.2f}")
    return {"pixel_values": pixels, "input_ids": ids.int(), "logits": found}


def answered(case: Case, folder: Path) -> dict[str, Any]:
    name, args, call, settings = deepcopy(case)
    pipe = build(folder)
    pipe.generation_config.update(**settings)  # the task hands no keyword on
    result = pipe(*opened(args), **opened(call))
    told = {"model": name, "args": args, "call": call | settings}
    return told | {"result": plain(result)}


def build(folder: Path) -> Pipeline:
    return pipeline(
        "document-question-answering",
        model=str(folder),
        tokenizer=str(folder.parent / "tokenizer"),
        image_processor=str(folder),
        device="cpu",
        dtype=torch.float32,
    )


def opened(value: Any) -> Any:
    """What a case was called with, with the paths of its pictures."""
    if isinstance(value, dict):
        return {name: opened(part) if name != "question" else part for name, part in value.items()}
    if isinstance(value, list):
        return [opened(part) for part in value]
    path = PICTURES / f"{value}.png"
    return str(path) if path.is_file() else value


def flat(result: list[Any]) -> list[dict[str, Any]]:
    return [one for part in result for one in (flat(part) if isinstance(part, list) else [part])]
