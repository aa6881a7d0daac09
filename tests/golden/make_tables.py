"""Tiny TAPAS checkpoints, tables as the reference's tokenizers read them, and its answers to questions about them."""

import json
import random
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas as pd
import torch
from make_models import compact, randomise
from make_seq2seq import randomise as randomise_writer
from make_tasks import plain
from make_tokenizers import SENTENCES
from safetensors.torch import save_file
from tables import NAMES, question, table
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import (
    AutoModel,
    BartConfig,
    BartForConditionalGeneration,
    PreTrainedModel,
    TapasConfig,
    TapasForMaskedLM,
    TapasForQuestionAnswering,
    TapasForSequenceClassification,
    TapasTokenizer,
    pipeline,
)
from transformers.models.deprecated.tapex import TapexTokenizer

CLASSES = {
    "base": AutoModel,
    "cells": TapasForQuestionAnswering,
    "sequence": TapasForSequenceClassification,
    "masked": TapasForMaskedLM,
}
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "type_vocab_sizes": [3, 42, 132, 2, 132, 132, 10],
    "max_num_rows": 64,
    "max_num_columns": 32,
}
AGGREGATES = {
    "num_aggregation_labels": 4,
    "aggregation_labels": {"0": "NONE", "1": "SUM", "2": "AVERAGE", "3": "COUNT"},
    "no_aggregation_label_index": 0,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "cells": AGGREGATES | {"temperature": 0.7},
    "cells-sqa": {"temperature": 1.3},
    "cells-absolute": AGGREGATES | {"reset_position_index_per_cell": False, "max_position_embeddings": 512},
    "cells-narrow": AGGREGATES | {"max_num_rows": 4, "max_num_columns": 3},
    "cells-empty": {"allow_empty_column_selection": True},
    "sequence": {"id2label": {0: "REFUTED", 1: "SUPPORTED"}, "label2id": {"REFUTED": 0, "SUPPORTED": 1}},
    "masked": {},
}
SPECIAL = ["[PAD]", "[EMPTY]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LONGEST = 400
"""Tokens that the model that writes can read."""
WRITER = {
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "num_labels": 3,
}
READ, CHECKED = 16, 300
"""Tables whose tokens are stored, and those of which a checksum is."""
ANSWERED = 9
"""Tables that each model is asked about."""


def make_tables(folder: Path) -> list[str]:
    """Write a tokenizer, a folder for each head, tables.json (tokens) and answers.json (the pipeline); return their
    names."""
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = make_tokenizer(folder / "tokenizer")
    for name, settings in VARIANTS.items():
        make_model(folder / name, name, settings, tokenizer)
    write(folder / "tables.json", read_tables(tokenizer))
    write(folder / "answers.json", answered(folder, tokenizer))
    return [*VARIANTS, "tables", "answers"]


def make_tokenizer(folder: Path) -> TapasTokenizer:
    """A vocabulary of the letters, digits and some words of the tables."""
    chance = random.Random(1)
    words: dict[str, int] = {}
    for _ in range(40):
        for name, cells in table(chance).items():
            for text in (name, *cells):
                for word in text.lower().split():
                    words[word] = words.get(word, 0) + 1
    letters = sorted(chr(code) for code in range(33, 127) if not chr(code).isupper())
    whole = [word for word in sorted(words, key=lambda word: (-words[word], word)) if word.isalpha() and len(word) > 1]
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters if letter.isalnum()), *whole[:40]]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n", encoding="utf-8")
    tokenizer = TapasTokenizer(str(folder / "vocab.txt"), model_max_length=512)
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_model(folder: Path, name: str, settings: dict[str, Any], tokenizer: TapasTokenizer) -> None:
    cls = CLASSES[name.partition("-")[0]]
    config = TapasConfig(vocab_size=len(tokenizer), **SIZES | settings)
    model = cls.from_config(config) if cls is AutoModel else cls(config)
    randomise(model, seed=crc32(f"tapas/{name}".encode()))
    if name.startswith("cells"):
        centre(model.eval(), tokenizer)
    model.half().save_pretrained(folder)
    compact(folder / "config.json")
    model = cls.from_pretrained(folder, dtype=torch.float32).eval()
    save_file(outputs(model, name, tokenizer), folder / "cases.safetensors")


@torch.no_grad()
def centre(model: TapasForQuestionAnswering, tokenizer: TapasTokenizer) -> None:
    """Makes about half of the cells answers, and every aggregator likely, so that questions differ in them."""
    model.output_weights *= 4
    for _ in range(2):
        cells, aggregations = [], []
        for seed in range(2000, 2012):
            chance = random.Random(seed)
            columns, asked = table(chance), question(chance)
            read = tokenizer(
                pd.DataFrame.from_dict(columns), asked, return_tensors="pt", truncation=True, padding=False
            )
            output = model(**read)
            cells.append(output.logits[output.logits > -1000])
            aggregations.append(output.logits_aggregation)
        model.output_bias -= torch.cat(cells).mean() * model.config.temperature
        if aggregations[0] is not None:
            model.aggregation_classifier.bias -= torch.cat(aggregations).mean(0)


@torch.no_grad()
def outputs(model: PreTrainedModel, name: str, tokenizer: TapasTokenizer) -> dict[str, Tensor]:
    """Questions about small tables as "case.input_ids" and the like, and what the model makes of them."""
    chance = random.Random(name)
    small = pd.DataFrame(
        {"Name": ["Rust", "new york", "?"], "Year": ["1990", "2001", "1990"], "Stars": ["5", "7", "-1"]}
    )
    asked = ["how many in 1990?", "stars", "what is the largest of the year 2001, in km"]
    tall = pd.DataFrame(table_of(chance, 2, 30))
    cases = {
        "plain": tokenizer(small, asked[0], return_tensors="pt", padding=False),
        "padded": tokenizer(small, list(asked), return_tensors="pt", padding="longest"),
    }
    if name == "masked":  # each token has a number for each word of the vocabulary: few tokens, small files
        cases = {case: {key: value[:2, :12] for key, value in inputs.items()} for case, inputs in cases.items()}
        cases["padded"]["attention_mask"][1, 8:] = 0
    else:
        cases["tall"] = tokenizer(tall, asked[2], return_tensors="pt", truncation=True, padding=False)
    saved: dict[str, Tensor] = {}
    for case, inputs in cases.items():
        mask = inputs["attention_mask"].bool()
        output = model(**inputs)
        if name == "cells-empty":  # pads weigh on whether no column is chosen, so each is asked alone
            rows = [
                model(**{key: value[i : i + 1, : mask[i].sum()] for key, value in inputs.items()})
                for i in range(len(mask))
            ]
            found = {"logits": torch.cat([row.logits[0] for row in rows])}
        elif name == "base":
            found = {"hidden": output.last_hidden_state[mask]}
        elif name == "sequence":
            found = {"logits": output.logits}
        else:
            found = {"logits": output.logits[mask]}
            if getattr(output, "logits_aggregation", None) is not None:
                found["aggregation"] = output.logits_aggregation
        saved |= {f"{case}.{key}": value.int() for key, value in inputs.items()}
        saved |= {f"{case}.{key}": value.contiguous() for key, value in found.items()}
    return saved


def table_of(chance: random.Random, width: int, height: int) -> dict[str, list[str]]:
    return {name: [str(chance.randrange(100)) for _ in range(height)] for name in NAMES[:width]}


def make_tapex(folder: Path) -> list[str]:
    """Write a tokenizer and a model of TAPEX, tables.json (checksums of tokens) and answers.json."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tokenizer").mkdir(parents=True)
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),  # as published: no byte is unknown
        show_progress=False,
    )
    backend.train_from_iterator([*SENTENCES, "col : name | year row 1 : london | 1990 row 2 : how many"] * 2, trainer)
    files = backend.model.save(str(folder / "tokenizer"))
    tokenizer = TapexTokenizer(*files, model_max_length=LONGEST)
    tokenizer.save_pretrained(folder / "tokenizer")
    config = BartConfig(vocab_size=len(tokenizer), max_position_embeddings=LONGEST, **WRITER)
    model = BartForConditionalGeneration(config)
    randomise_writer(model, seed=7)
    model.half().save_pretrained(folder / "model")
    compact(folder / "model/config.json")
    model = BartForConditionalGeneration.from_pretrained(folder / "model", dtype=torch.float32)
    pipe = pipeline("table-question-answering", model=model, tokenizer=tokenizer, device="cpu")
    sums, cases = [], []
    for seed in range(CHECKED // 3):
        chance = random.Random(seed)
        columns, asked = table(chance), question(chance)
        ids = tokenizer(pd.DataFrame.from_dict(columns), asked)["input_ids"]
        sums.append({"seed": seed, "sum": crc32(packed(ids).encode())})
        if len(ids) < LONGEST and len(cases) < ANSWERED:
            query = asked if len(cases) % 2 else [asked, question(chance)]
            options = {"max_new_tokens": 8, "repetition_penalty": 1.8}
            pipe.generation_config.update(**options)  # the reference takes these only when it is built
            result = pipe(pd.DataFrame.from_dict(columns), deepcopy(query))
            cases.append({"seed": seed, "query": query, "options": options, "result": plain(result)})
    write(folder / "tables.json", sums)
    write(folder / "answers.json", cases)
    return ["model", "tables", "answers"]


def read_tables(tokenizer: TapasTokenizer) -> list[dict[str, Any]]:
    """Tables by the seed of their chance: the first ones with ids and types, all with a checksum of both."""
    made = []
    for seed in range(CHECKED):
        chance = random.Random(seed)
        columns, asked = table(chance), question(chance)
        cut = chance.random() < 0.7
        read = tokenizer(pd.DataFrame.from_dict(columns), asked, truncation=cut, padding=False)
        lines = [packed(line) for line in (read["input_ids"], *zip(*read["token_type_ids"], strict=True))]
        case = {"seed": seed, "cut": cut, "sum": crc32("\n".join(lines).encode())}
        made.append(case | ({"lines": lines} if seed < READ else {}))
    return made


def packed(numbers: Any) -> str:
    """Numbers as text; one that repeats is written once, as 7*12."""
    runs: list[list[int]] = []
    for value in numbers:
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return " ".join(f"{value}*{count}" if count > 1 else str(value) for value, count in runs)


def answered(folder: Path, tokenizer: TapasTokenizer) -> list[dict[str, Any]]:
    """Calls of the pipeline with their results."""
    made = []
    for name in ("cells", "cells-sqa", "cells-absolute", "cells-narrow"):
        model = CLASSES["cells"].from_pretrained(folder / name, dtype=torch.float32)
        pipe = pipeline("table-question-answering", model=model, tokenizer=tokenizer, device="cpu")
        for seed in range(ANSWERED):
            chance = random.Random(1000 + seed)
            frame = pd.DataFrame.from_dict(table(chance))
            asked = [question(chance) for _ in range(chance.choice((1, 1, 2, 4)))]
            options = {"sequential": True} if chance.random() < 0.4 else {}
            read = tokenizer(frame, list(asked), truncation=True, padding=False)["token_type_ids"]
            seen = min(max(row for _, _, row, *_ in types) for types in read)
            if len(frame) >= model.config.max_num_rows or seen < len(frame):
                options |= {"truncation": "drop_rows_to_fit"}  # otherwise nbpipes reads all rows
            query = asked[0] if len(asked) == 1 else asked
            result = pipe(frame, list(asked) if len(asked) > 1 else query, **options)
            made.append(
                {"model": name, "seed": 1000 + seed, "query": query, "options": options, "result": plain(result)}
            )
    return made


def write(path: Path, cases: list[dict[str, Any]]) -> None:
    """One case a line."""
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
