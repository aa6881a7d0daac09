"""Tiny checkpoints of Whisper, and what the reference hears with them."""

import json
import shutil
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from make_models import compact, randomise
from make_tasks import plain
from safetensors.torch import save_file
from sounds import RATE, given, sound
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizerFast,
    pipeline,
)

HERE = Path(__file__).parent
TASK = "automatic-speech-recognition"
WORDS = 330
SPECIAL = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|fr|>", "<|ja|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
)
ID = {token: WORDS + i for i, token in enumerate(SPECIAL)}
END, START, BARE = ID["<|endoftext|>"], ID["<|startoftranscript|>"], ID["<|notimestamps|>"]
SIZES = {
    "vocab_size": BARE + 1502,
    "d_model": 12,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 16,
    "max_target_positions": 64,
    "decoder_start_token_id": START,
    **dict.fromkeys(("eos_token_id", "bos_token_id", "pad_token_id"), END),
}
SPEAKS: dict[str, Any] = {
    "alignment_heads": [[0, 1], [1, 0], [1, 2]],
    "begin_suppress_tokens": [2, END],
    "suppress_tokens": [3, 7, *range(START, BARE)],
    "max_initial_timestamp_index": 50,
    "max_length": 40,
    "no_timestamps_token_id": BARE,
    "prev_sot_token_id": ID["<|startofprev|>"],
    "decoder_start_token_id": START,
    "return_timestamps": False,
    **dict.fromkeys(("eos_token_id", "bos_token_id", "pad_token_id"), END),
}
MANY = {
    "is_multilingual": True,
    "forced_decoder_ids": [[1, None], [2, ID["<|transcribe|>"]]],
    "lang_to_id": {token: ID[token] for token in ("<|en|>", "<|fr|>", "<|ja|>")},
    "task_to_id": {name: ID[f"<|{name}|>"] for name in ("translate", "transcribe")},
}
FOLDERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "speech": ({}, MANY),
    "speech-english": (
        {"num_mel_bins": 128, "tie_word_embeddings": False, "d_model": 8, "decoder_attention_heads": 4},
        {"is_multilingual": False},
    ),
}
TEXT = (
    "The weather will be fine. Le temps sera beau, dit-elle: we'll see the sea and the sand of the old harbour there."
)


def make_whisper(family: str) -> None:
    """Write everything of the family."""
    shutil.rmtree(HERE / family, ignore_errors=True)
    made = [case for name in FOLDERS for case in make_folder(HERE / family / name)]
    lines = ",\n".join(json.dumps(case) for case in made)
    (HERE / family / "sounds.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in (HERE / family).rglob("*") if path.is_file())
    print(f"{family}: {', '.join(FOLDERS)} ({size / 1000:.0f} kB)")


def make_folder(folder: Path) -> list[dict[str, Any]]:
    """Write a checkpoint, what its model computes, and return what its pipeline answers."""
    settings, speaks = FOLDERS[folder.name]
    folder.mkdir(parents=True)
    model = WhisperForConditionalGeneration(WhisperConfig(**(SIZES | settings)))
    randomise(model, crc32(folder.name.encode()))
    model.half().save_pretrained(folder)
    GenerationConfig(**(SPEAKS | speaks)).save_pretrained(folder)
    compact(folder / "config.json")
    compact(folder / "generation_config.json")
    extractor = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
    raw = {name: value for name, value in extractor.to_dict().items() if name != "mel_filters"}
    (folder / "preprocessor_config.json").write_text(json.dumps(raw) + "\n", encoding="utf-8")
    write_tokenizer(folder)
    model = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    save_file(answers(model, extractor), folder / "heard.safetensors")
    return [answered(folder, inputs, call) for inputs, call in cases(folder.name)]


def write_tokenizer(folder: Path) -> None:
    """Pieces of two sentences; timestamps are not in the vocabulary, as in many released tokenizers."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator([TEXT], trainers.BpeTrainer(vocab_size=WORDS, initial_alphabet=sorted(letters)))
    backend.add_tokens([AddedToken(f"<unused {i}>") for i in range(WORDS - backend.get_vocab_size())])
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    named = dict.fromkeys(("unk_token", "bos_token", "eos_token", "pad_token"), SPECIAL[0])
    WhisperTokenizerFast(
        tokenizer_object=backend, additional_special_tokens=list(SPECIAL), clean_up_tokenization_spaces=True, **named
    ).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        compact(folder / name)
    for name in ("special_tokens_map.json", "normalizer.json", "vocab.json", "merges.txt", "added_tokens.json"):
        (folder / name).unlink(missing_ok=True)


@torch.no_grad()
def answers(model: WhisperForConditionalGeneration, extractor: WhisperFeatureExtractor) -> dict[str, torch.Tensor]:
    """Some of the features of a sound, and the logits after some ids about it."""
    features = extractor(sound("speech"), sampling_rate=RATE, return_tensors="pt").input_features
    ids = torch.randint(0, model.config.vocab_size, (1, 12), generator=torch.Generator().manual_seed(1))
    logits = model(features, decoder_input_ids=ids).logits[0]
    if not 0.2 < logits.std() < 6:
        raise ValueError(f"logits have a spread of {logits.std():.2f}")
    return {
        "ids": ids,
        "features": features[0, ::5, :160:4].contiguous(),
        "hidden": model.model.encoder(features).last_hidden_state[0, ::100].contiguous(),
        "logits": logits[:, ::5].contiguous(),
    }


LONG = "again:24:speech"
"""31.2 seconds."""


def cases(folder: str) -> list[tuple[Any, dict[str, Any]]]:
    """Names of sounds, and keywords of the call."""
    greedy = {"num_beams": 1}
    found: list[tuple[Any, dict[str, Any]]] = [
        ("speech", {"return_timestamps": True, "generate_kwargs": greedy}),
        (LONG, {"return_timestamps": True, "generate_kwargs": greedy}),
        (LONG, {"return_timestamps": "word", "generate_kwargs": greedy | {"condition_on_prev_tokens": True}}),
    ]
    if folder == "speech-english":
        return found
    chunked = {"chunk_length_s": 12, "stride_length_s": [3, 2], "generate_kwargs": greedy}
    tries = {"temperature": [0.0], "compression_ratio_threshold": 1.2, "logprob_threshold": -3.0}
    prompt = {"prompt_ids": [ID["<|startofprev|>"], 40, 50, 60], "num_beams": 1}
    return [
        *found,
        ("speech", {}),
        (["tone", "speech"], {"return_timestamps": "word", "generate_kwargs": {"num_beams": 3}}),
        ("speech", {"generate_kwargs": greedy | {"language": "french", "task": "translate"}}),
        ("speech", {"generate_kwargs": greedy | {"task": "transcribe", "max_new_tokens": 5}}),
        ("dict:speech", {"return_timestamps": True}),
        ("again:13:speech", {"return_timestamps": True, "generate_kwargs": prompt}),
        (LONG, {"return_timestamps": True, "generate_kwargs": greedy | {"no_speech_threshold": 0.9} | tries}),
        (LONG, {"return_timestamps": True, "generate_kwargs": prompt | {"condition_on_prev_tokens": True}}),
        (LONG, chunked),
        (LONG, chunked | {"return_timestamps": True}),
        (LONG, chunked | {"return_timestamps": "word"}),
    ]


def answered(folder: Path, inputs: Any, call: dict[str, Any]) -> dict[str, Any]:
    pipe = pipeline(TASK, model=str(folder), device="cpu", dtype=torch.float32)
    settings = dict(call.get("generate_kwargs", {}))
    if "prompt_ids" in settings:
        settings["prompt_ids"] = torch.tensor(settings["prompt_ids"])
    if "temperature" in settings:
        settings["temperature"] = tuple(settings["temperature"])
    told = call | ({"generate_kwargs": settings} if settings else {})
    result = pipe([given(one) for one in inputs] if isinstance(inputs, list) else given(inputs), **told)
    case = {"task": TASK, "folder": folder.name, "construct": {}, "inputs": inputs, "call": call}
    return case | {"result": plain(result)}
