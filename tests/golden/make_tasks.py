"""What the reference's pipelines answer with the tiny checkpoints: single, list and batched inputs, and every option.

Left out because nbpipes differs on purpose, and tested where the task is:
- text-classification with top_k given at construction: the reference nests a single text's answer once more.
- text-classification of a tuple: the reference reads it as one text and drops all but the first.
- feature-extraction in batches: the reference returns the padding's vectors too.
- texts longer than the model can take without truncation: the reference fails inside torch, nbpipes with advice.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, pipeline

Case = tuple[dict[str, Any], list[Any], dict[str, Any]]
"""Keywords of pipeline(), positional arguments and keywords of the call."""

EVERY_OPTION = {"bert", "roberta", "xlm-roberta", "deberta-v2"}
"""Families that get all cases: one for each kind of tokenizer, and one with an architecture of its own."""

PERSON = "My name is Sarah and I live in London."
PLACE = "Zoë ate a café crème in Zürich."
ODD = "Xylo 🙂  in 東京!\nA line."
LONG = f"{PERSON} {PLACE} The film was good, the book was better. {ODD} Paris is the capital of France."
TEXTS = [PERSON, PLACE, ODD]
QUESTION = "Who lives in London?"
STRATEGIES = ("none", "simple", "first", "average", "max")


def text_classification(every: bool, tokenizer: PreTrainedTokenizerFast) -> Iterator[Case]:
    pair = {"text": PERSON, "text_pair": "Is it?"}
    yield {}, [PERSON], {}
    yield {}, [TEXTS], {"top_k": None}
    if not every:
        return
    yield {}, [TEXTS], {}
    yield {}, [[PERSON]], {}
    yield {}, [pair], {}
    yield {}, [[pair, {"text": PLACE, "text_pair": "Is it 5?"}]], {}
    yield {}, [PERSON], {"top_k": 2}
    yield {}, [[PERSON]], {"top_k": 1}
    yield {"batch_size": 2}, [TEXTS], {"top_k": 3}
    for function in ("none", "sigmoid", "softmax"):
        yield {}, [PLACE], {"function_to_apply": function, "top_k": None}
    yield {"function_to_apply": "sigmoid"}, [TEXTS], {}
    yield {}, [LONG], {"truncation": True}
    yield {}, [LONG], {"truncation": True, "max_length": 12}
    yield {"truncation": True}, [pair | {"text": LONG}], {"top_k": None}
    yield {}, [PERSON], {"return_all_scores": True}
    yield {}, [""], {}


def token_classification(every: bool, tokenizer: PreTrainedTokenizerFast) -> Iterator[Case]:
    yield {}, [PERSON], {}
    for strategy in STRATEGIES if every else ("simple",):
        yield {"aggregation_strategy": strategy}, [TEXTS], {}
    if not every:
        return
    yield {"aggregation_strategy": "simple"}, [[PLACE]], {}
    yield {}, [PERSON], {"aggregation_strategy": "max"}
    yield {"aggregation_strategy": "simple", "batch_size": 3}, [TEXTS], {}
    yield {"ignore_labels": []}, [PERSON], {}
    yield {"aggregation_strategy": "first", "ignore_labels": ["O", "PER"]}, [PERSON], {}
    yield {"ignore_labels": ["B-PER"]}, [PLACE], {}
    yield {}, [LONG], {}
    for strategy in STRATEGIES[1:]:
        yield {"aggregation_strategy": strategy, "stride": 8}, [LONG], {}
    yield {"aggregation_strategy": "simple", "stride": 0, "batch_size": 2}, [[LONG, PERSON]], {}
    yield {"grouped_entities": True}, [PERSON], {}
    yield {"grouped_entities": True, "ignore_subwords": True}, [PERSON], {}
    yield {}, [""], {}
    if not getattr(tokenizer, "add_prefix_space", True):
        return  # these tokenizers refuse words that are split already
    words = PERSON.split()
    yield {"aggregation_strategy": "simple"}, [words], {"is_split_into_words": True}
    yield {"aggregation_strategy": "first"}, [[words, PLACE.split()]], {"is_split_into_words": True, "delimiter": " | "}


def question_answering(every: bool, tokenizer: PreTrainedTokenizerFast) -> Iterator[Case]:
    asked = {"question": QUESTION, "context": PERSON}
    windows = {"question": QUESTION, "context": LONG, "max_seq_len": 36, "doc_stride": 8}
    yield {}, [], asked
    yield {}, [], windows | {"top_k": 3}
    if not every:
        return
    yield {}, [asked], {}
    yield {}, [[asked]], {}
    yield {}, [[asked, {"question": "Who ate?", "context": PLACE}]], {}
    yield {}, [[asked, {"question": "Who ate?", "context": PLACE}]], {"top_k": 2, "batch_size": 2}
    yield {}, [], {"question": [QUESTION, "Where?"], "context": PERSON}
    yield {}, [], {"question": [QUESTION, "Where?"], "context": [PERSON, PLACE]}
    yield {}, [], windows
    yield {}, [], windows | {"batch_size": 4, "top_k": 20}
    yield {}, [], windows | {"handle_impossible_answer": True, "top_k": 5}
    yield {}, [], windows | {"align_to_words": False, "top_k": 5}
    yield {}, [], windows | {"max_answer_len": 2, "top_k": 5}
    yield {"top_k": 4, "align_to_words": False}, [], asked | {"handle_impossible_answer": True}
    yield {}, [], asked | {"context": ODD, "top_k": 4}
    yield {}, [], asked | {"padding": "max_length", "top_k": 2}


def fill_mask(every: bool, tokenizer: PreTrainedTokenizerFast) -> Iterator[Case]:
    mask = tokenizer.mask_token
    one, two = f"Paris is the {mask} of France.", f"The {mask} was good, the book was {mask}."
    yield {}, [one], {"top_k": 3}
    yield {}, [two], {"top_k": 2}
    if not every:
        return
    yield {}, [one], {}
    yield {}, [[one]], {}
    yield {}, [[one, f"{mask} lives in London."]], {}
    yield {"batch_size": 2, "top_k": 2}, [[one, f"Who {mask} there?", f"{mask} Zoë ate."]], {}
    yield {}, [[one, two]], {"top_k": 1}
    yield {}, [one], {"targets": ["Paris", "London", "film", "is"]}
    yield {}, [one], {"targets": "good", "top_k": 3}
    yield {}, [two], {"targets": ["good", "capital"]}
    yield {}, [f"{one} {LONG}"], {"tokenizer_kwargs": {"truncation": True}}


def zero_shot_classification(every: bool, tokenizer: PreTrainedTokenizerFast) -> Iterator[Case]:
    labels = ["sports", "politics", "film"]
    yield {}, [PERSON, labels], {}
    yield {}, [TEXTS], {"candidate_labels": labels, "multi_label": True}
    if not every:
        return
    yield {}, [[PERSON]], {"candidate_labels": labels}
    yield {}, [PLACE], {"candidate_labels": "sports, politics ,, film"}
    yield {}, [PLACE], {"candidate_labels": "sports"}
    yield {}, [PLACE], {"candidate_labels": ["sports"], "multi_label": True}
    yield {}, [PERSON, labels], {"hypothesis_template": "It is about {}, I say."}
    yield {"multi_label": True}, [PERSON, labels], {"multi_label": False}
    yield {"batch_size": 4}, [TEXTS, labels], {}
    yield {}, [LONG, labels], {}


def feature_extraction(every: bool, tokenizer: PreTrainedTokenizerFast) -> Iterator[Case]:
    yield {}, ["Who lives there?"], {}
    if not every:
        return
    yield {}, [["Paris.", "Zoë ate 🙂"]], {}
    yield {}, [["Paris."]], {}
    yield {}, [LONG], {"truncation": True, "tokenize_kwargs": {"max_length": 9}}
    yield {"tokenize_kwargs": {"truncation": True, "max_length": 5}}, [PERSON], {}


TASKS = {
    "text-classification": ("sequence", text_classification),
    "zero-shot-classification": ("sequence", zero_shot_classification),
    "token-classification": ("tokens", token_classification),
    "question-answering": ("spans", question_answering),
    "fill-mask": ("masked", fill_mask),
    "feature-extraction": ("base", feature_extraction),
}


def make_tasks(family: str, folder: Path) -> None:
    """Write tasks.json into the folder of `family`: for each task its checkpoint's name and its cases with results."""
    made = {}
    for task, (head, cases) in TASKS.items():
        files = {"model": str(folder / head), "tokenizer": str(folder / "tokenizer")}
        fixed = {"device": "cpu", "dtype": torch.float32}
        tokenizer = pipeline(task, **files, **fixed).tokenizer
        made[task] = []
        for construct, args, call in cases(family in EVERY_OPTION, tokenizer):
            case = deepcopy({"construct": construct, "args": args, "call": call})  # the reference writes into some
            result = pipeline(task, **files, **fixed, **construct)(*args, **call)
            made[task].append(case | {"result": plain(result)})
    lines = (
        f"{json.dumps(task)}: [\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]"
        for task, cases in made.items()
    )
    (folder / "tasks.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """The same value as JSON can hold it; numbers with the digits that float32 has."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.8g}")
    return int(value) if isinstance(value, np.integer) else value
