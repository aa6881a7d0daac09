"""Tiny checkpoints of models that read pages, and what the reference answers to questions about some."""

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import CLASSES, LABELS, SIZES, answers, cases, compact, randomise, special_ids
from make_tasks import plain
from make_tokenizers import byte_pairs, make_tokenizer
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForDocumentQuestionAnswering,
    LayoutLMv3ImageProcessor,
    LayoutLMv3TokenizerFast,
    PreTrainedModel,
    pipeline,
)

LIMIT = 96
FAMILIES = {
    "layoutlm": SIZES | {"max_position_embeddings": LIMIT},
    "layoutlmv3": SIZES
    | {"max_position_embeddings": LIMIT + 2, "coordinate_size": 3, "shape_size": 2, "type_vocab_size": 1}
    | {"input_size": 32, "patch_size": 8, "max_rel_2d_pos": 64},
}
FEW, ALL = {"max_2d_position_embeddings": 64}, {"max_2d_position_embeddings": 1001, "hidden_size": 8}
"""Coordinates on a page: only the head of the task needs them all, and tables of them make large files."""
HEADS = CLASSES | {"spans": AutoModelForDocumentQuestionAnswering}
PROCESSOR = LayoutLMv3ImageProcessor(size={"height": 32, "width": 32}, apply_ocr=False)
PICTURE = Image.linear_gradient("L").resize((50, 70)).convert("RGB")
PAGE = """Invoice no. US-001 Date 11/02/2019 Bill to John Smith 2 Court Square New York Front and rear brake cables
100.00 New set of pedal arms 15.00 Labor 3hrs 5.00 Subtotal 145.00 Sales Tax 9.06 TOTAL $154.06""".split()


def boxed(words: list[str]) -> list[tuple[str, list[int]]]:
    """Words as they stand on a page, five in a line."""
    place = lambda i: [190 * (i % 5) + 20, 90 * (i // 5) + 30]  # noqa: E731
    return [(word, [*place(i), place(i)[0] + 25 * min(len(word), 6), place(i)[1] + 40]) for i, word in enumerate(words)]


def make_documents(family: str, folder: Path) -> list[str]:
    """Writes the checkpoints of a family with their cases, and what the task answers; gives their names."""
    shutil.rmtree(folder, ignore_errors=True)
    looks = family == "layoutlmv3"
    if looks:
        folder.mkdir(parents=True)
        tokenizer = LayoutLMv3TokenizerFast(
            *byte_pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], folder), model_max_length=LIMIT
        )
        for file in ("vocab.json", "merges.txt"):
            (folder / file).unlink()
        tokenizer.save_pretrained(folder / "tokenizer")
    else:
        tokenizer = make_tokenizer("bert", folder / "tokenizer", LIMIT)
    heads = {head: kind for head, kind in HEADS.items() if not (looks and head == "masked")}
    for head, kind in heads.items():
        settings = FAMILIES[family] | special_ids(tokenizer) | (ALL if head == "spans" else FEW)
        if looks and head == "spans":
            settings |= {"hidden_size": 16}
        if head in LABELS:
            settings |= {"id2label": dict(enumerate(LABELS[head]))}
            settings |= {"label2id": {label: i for i, label in enumerate(LABELS[head])}}
        model = kind.from_config(AutoConfig.for_model(family, vocab_size=len(tokenizer), **settings))
        randomise(model, seed=crc32(f"{family}/{head}".encode()))
        model.half().save_pretrained(folder / head)
        compact(folder / head / "config.json")
        model = kind.from_pretrained(folder / head, dtype=torch.float32).eval()
        save_file(answers(model, head), folder / head / "cases.safetensors")
        if looks:
            save_file(seen(model, head), folder / head / "seen.safetensors")
            PROCESSOR.save_pretrained(folder / head)
    make_task(folder)
    return list(heads)


@torch.no_grad()
def seen(model: PreTrainedModel, head: str) -> dict[str, Tensor]:
    """Inputs with a page each, and answers about their words."""
    noise = torch.Generator().manual_seed(3)
    inputs = cases(model.config, head)["padded"]
    count, length = inputs["input_ids"].shape
    inputs["pixel_values"] = torch.randn(count, 3, 32, 32, generator=noise).half().float()
    output, mask = model(**inputs), inputs["attention_mask"].bool()
    words = lambda values: values[:, :length][mask].contiguous()  # noqa: E731
    if head == "base":
        found = {"hidden": words(output.last_hidden_state)}
    elif head == "spans":
        found = {"start": words(output.start_logits), "end": words(output.end_logits)}
    else:
        found = {"logits": output.logits if head == "sequence" else words(output.logits)}
    return inputs | found


def questions(image: str | None) -> Iterator[tuple[dict[str, Any], list[Any], dict[str, Any]]]:
    """Keywords of pipeline(), positional arguments and keywords of a call."""
    page, asked = boxed(PAGE), "What is the total?"
    named = {"question": asked, "image": image, "word_boxes": page}
    yield {}, [], named
    yield {}, [image, asked], {"word_boxes": page, "top_k": 4}
    yield {}, [{"image": image, "question": asked, "word_boxes": page}], {}
    yield {}, [[named, named | {"question": "Who is billed?"}]], {"top_k": 2}
    yield {}, [], named | {"max_seq_len": 40, "doc_stride": 8, "top_k": 5}
    yield {}, [], named | {"max_seq_len": 40, "top_k": 3, "handle_impossible_answer": True}
    yield {"top_k": 3}, [], named | {"max_answer_len": 3}
    yield {}, [], named | {"word_boxes": page[:1], "top_k": 5}


def mend(model: PreTrainedModel) -> None:
    """The reference hands the page over by a name that the model does not know, and takes its patches for words."""
    forward = model.forward

    def mended(input_ids: Tensor, image: Tensor | None = None, **inputs: Tensor) -> dict[str, Tensor]:
        output = forward(input_ids, pixel_values=image, **inputs)
        length = input_ids.shape[1]
        return {"start_logits": output.start_logits[:, :length], "end_logits": output.end_logits[:, :length]}

    model.forward = mended


def make_task(folder: Path) -> None:
    files = {"model": str(folder / "spans"), "tokenizer": str(folder / "tokenizer"), "device": "cpu"}
    made = []
    if folder.name == "layoutlmv3":
        files["image_processor"] = str(folder / "spans")
        PICTURE.save(folder / "page.png")
    for construct, args, call in questions(str(folder / "page.png") if folder.name == "layoutlmv3" else None):
        case = deepcopy({"construct": construct, "args": args, "call": call})
        pipe = pipeline("document-question-answering", **files, dtype=torch.float32, **construct)
        if folder.name == "layoutlmv3":
            mend(pipe.model)
        result = pipe(*args, **call)
        made.append(case | {"result": plain(result)})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in made)
    lines = lines.replace(json.dumps(str(folder / "page.png")), '"page.png"')
    (folder / "documents.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
