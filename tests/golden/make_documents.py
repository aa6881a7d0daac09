"""Tiny checkpoints of models that read pages, and what the reference answers to questions about some."""

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import CLASSES, LABELS, SIZES, answers, compact, randomise, special_ids
from make_tasks import plain
from make_tokenizers import make_tokenizer
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForDocumentQuestionAnswering, pipeline

LIMIT = 96
FAMILIES = {"layoutlm": SIZES | {"max_position_embeddings": LIMIT}}
FEW, ALL = {"max_2d_position_embeddings": 64}, {"max_2d_position_embeddings": 1001, "hidden_size": 8}
"""Coordinates on a page: only the head of the task needs them all, and tables of them make large files."""
HEADS = CLASSES | {"spans": AutoModelForDocumentQuestionAnswering}
PAGE = """Invoice no. US-001 Date 11/02/2019 Bill to John Smith 2 Court Square New York Front and rear brake cables
100.00 New set of pedal arms 15.00 Labor 3hrs 5.00 Subtotal 145.00 Sales Tax 9.06 TOTAL $154.06""".split()


def boxed(words: list[str]) -> list[tuple[str, list[int]]]:
    """Words as they stand on a page, five in a line."""
    place = lambda i: [190 * (i % 5) + 20, 90 * (i // 5) + 30]  # noqa: E731
    return [(word, [*place(i), place(i)[0] + 25 * min(len(word), 6), place(i)[1] + 40]) for i, word in enumerate(words)]


def make_documents(family: str, folder: Path) -> list[str]:
    """Writes the checkpoints of a family with their cases, and what the task answers; gives their names."""
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = make_tokenizer("bert", folder / "tokenizer", LIMIT)
    for head, kind in HEADS.items():
        settings = FAMILIES[family] | special_ids(tokenizer) | (ALL if head == "spans" else FEW)
        if head in LABELS:
            settings |= {"id2label": dict(enumerate(LABELS[head]))}
            settings |= {"label2id": {label: i for i, label in enumerate(LABELS[head])}}
        model = kind.from_config(AutoConfig.for_model(family, vocab_size=len(tokenizer), **settings))
        randomise(model, seed=crc32(f"{family}/{head}".encode()))
        model.half().save_pretrained(folder / head)
        compact(folder / head / "config.json")
        model = kind.from_pretrained(folder / head, dtype=torch.float32).eval()
        save_file(answers(model, head), folder / head / "cases.safetensors")
    make_task(folder)
    return list(HEADS)


def questions() -> Iterator[tuple[dict[str, Any], list[Any], dict[str, Any]]]:
    """Keywords of pipeline(), positional arguments and keywords of a call."""
    page, asked = boxed(PAGE), "What is the total?"
    named = {"question": asked, "image": None, "word_boxes": page}
    yield {}, [], named
    yield {}, [None, asked], {"word_boxes": page, "top_k": 4}
    yield {}, [{"image": None, "question": asked, "word_boxes": page}], {}
    yield {}, [[named, named | {"question": "Who is billed?"}]], {"top_k": 2}
    yield {}, [], named | {"max_seq_len": 40, "doc_stride": 8, "top_k": 5}
    yield {}, [], named | {"max_seq_len": 40, "top_k": 3, "handle_impossible_answer": True}
    yield {"top_k": 3}, [], named | {"max_answer_len": 3}
    yield {}, [], named | {"word_boxes": page[:1], "top_k": 5}


def make_task(folder: Path) -> None:
    files = {"model": str(folder / "spans"), "tokenizer": str(folder / "tokenizer"), "device": "cpu"}
    made = []
    for construct, args, call in questions():
        case = deepcopy({"construct": construct, "args": args, "call": call})
        result = pipeline("document-question-answering", **files, dtype=torch.float32, **construct)(*args, **call)
        made.append(case | {"result": plain(result)})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in made)
    (folder / "documents.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
