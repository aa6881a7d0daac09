"""A tiny checkpoint of Moonshine, and what the reference hears with it."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from make_models import compact, randomise
from make_tasks import plain
from safetensors.torch import save_file
from sounds import given, sound
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    MoonshineConfig,
    MoonshineForConditionalGeneration,
    PreTrainedTokenizerFast,
    Wav2Vec2FeatureExtractor,
    pipeline,
)

HERE = Path(__file__).parent
TASK = "automatic-speech-recognition"
SPECIAL = ("<unk>", "<s>", "</s>")
SIZES = {
    "hidden_size": 24,
    "intermediate_size": 20,
    "encoder_num_hidden_layers": 2,
    "decoder_num_hidden_layers": 2,
    "encoder_num_attention_heads": 2,
    "decoder_num_attention_heads": 2,
    "max_position_embeddings": 64,
}
FOLDERS: dict[str, dict[str, Any]] = {
    "speech": {},
    "speech-biased": {"attention_bias": True, "pad_head_dim_to_multiple_of": 8, "partial_rotary_factor": 0.5},
}
CALLS: list[tuple[Any, dict[str, Any]]] = [
    ("speech", {}),
    ("long", {"generate_kwargs": {"num_beams": 1, "max_new_tokens": 12}}),
    (["tone", "speech"], {"generate_kwargs": {"num_beams": 3}}),
]


def make_moonshine(family: str) -> None:
    """Write everything of the family."""
    shutil.rmtree(HERE / family, ignore_errors=True)
    made = [case for seed, name in enumerate(FOLDERS) for case in make_folder(HERE / family / name, seed)]
    lines = ",\n".join(json.dumps(case) for case in made)
    (HERE / family / "sounds.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in (HERE / family).rglob("*") if path.is_file())
    print(f"{family}: {', '.join(FOLDERS)} ({size / 1000:.0f} kB)")


def make_folder(folder: Path, seed: int) -> list[dict[str, Any]]:
    """Write a checkpoint, what its model computes, and return what its pipeline answers."""
    folder.mkdir(parents=True)
    size = write_tokenizer(folder)
    model = MoonshineForConditionalGeneration(MoonshineConfig(vocab_size=size, **(SIZES | FOLDERS[folder.name])))
    randomise(model, seed)
    model.half().save_pretrained(folder)
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "decoder_start_token_id": 1}
    GenerationConfig(max_length=30, **ends).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=True).save_pretrained(folder)
    for name in ("config.json", "generation_config.json"):
        compact(folder / name)
    model = MoonshineForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    save_file(answers(model), folder / "heard.safetensors")
    pipe = pipeline(TASK, model=str(folder), device="cpu", dtype=torch.float32)
    found = []
    for inputs, call in CALLS:
        result = pipe([given(one) for one in inputs] if isinstance(inputs, list) else given(inputs), **call)
        case = {"task": TASK, "folder": folder.name, "construct": {}, "inputs": inputs, "call": call}
        found.append(case | {"result": plain(result)})
    return found


def write_tokenizer(folder: Path) -> int:
    """Letters; returns how many there are."""
    letters = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())[:97]]
    backend = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, [], unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    named = dict(zip(("unk_token", "bos_token", "eos_token"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=backend, **named).save_pretrained(folder)
    (folder / "special_tokens_map.json").unlink()
    return len(letters)


@torch.no_grad()
def answers(model: MoonshineForConditionalGeneration) -> dict[str, torch.Tensor]:
    """The logits after some ids about a sound."""
    samples = torch.from_numpy(sound("speech"))[None]
    ids = torch.randint(0, model.config.vocab_size, (1, 12), generator=torch.Generator().manual_seed(1))
    hidden = model.model.encoder(samples).last_hidden_state[0]
    logits = model(samples, decoder_input_ids=ids).logits[0]
    if not 0.2 < logits.std() < 6:
        raise ValueError(f"logits have a spread of {logits.std():.2f}")
    return {"ids": ids, "hidden": hidden.contiguous(), "logits": logits.contiguous()}
