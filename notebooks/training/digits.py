"""Trains the demo recogniser of spoken digits, scores it once on voices it has never heard, writes nbpipes/demo/digits.

See README.md beside this file for what to install and how long it takes.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from digits_data import (
    RATE,
    WORDS,
    Samples,
    Spoken,
    changed,
    drawn_out,
    fluent,
    recorded,
    single,
    together,
    unheard,
    unheard_person,
    unheard_together,
)
from digits_report import card, scored
from muon import Muon
from safetensors.torch import save
from tiny_data2vec import Listener
from torch import Tensor
from torch.nn import functional as F

from nbpipes import pipeline

OUTPUT = Path(__file__).parents[2] / "nbpipes" / "demo" / "digits"
SEED = 7
BLANK, PAUSE = 0, 2
TOKENS = ("<pad>", "<unk>", "|", *WORDS)
CONFIG = {
    "architectures": ["Data2VecAudioForCTC"],
    "model_type": "data2vec-audio",
    "conv_dim": [120, 96, 128],
    "conv_kernel": [400, 5, 3],
    "conv_stride": [160, 2, 2],
    "num_feat_extract_layers": 3,
    "conv_bias": True,
    "feat_extract_activation": "gelu",
    "hidden_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "num_conv_pos_embeddings": 4,
    "conv_pos_kernel_size": 9,
    "num_conv_pos_embedding_groups": 1,
    "mask_time_prob": 0.0,  # it was trained without masks, and has no weights for them
    "vocab_size": len(TOKENS),
    "pad_token_id": BLANK,
    # The weights are stored in half precision to be small; this makes every reader compute in single precision.
    "torch_dtype": "float32",
}


@dataclass(frozen=True, slots=True)
class Round:
    """voices: that say all ten digits. texts: sequences that are said in one go. longest: how long the longest steps
    are, against those of the first round. taps: frames that a convolution before the attention sees. drawn_out: the
    share of single digits whose ends last longer."""

    voices: int
    texts: int
    steps: int
    longest: float
    taps: int
    drawn_out: float


ROUNDS = (Round(600, 3000, 6500, 1.0, 5, 0.0), Round(800, 4000, 3200, 0.3, 9, 0.5))
"""The second one is for long words: their ends were out of reach of their beginnings, and were words of their own."""
BATCH = 16


def train(
    model: Listener, words: Sequence[Spoken], sequences: Sequence[Spoken], now: Round, draw: np.random.Generator
) -> None:
    """Trains a model for a round; nothing is heard twice in the same way."""
    optimizers = learning(model)
    begun, mean = time.process_time(), 0.0
    for step in range(now.steps):
        rate = now.longest * min(1.0, (step + 1) / 100, (1 - step / now.steps) / 0.5)
        told = [changed(sequence(words, now.drawn_out, draw), draw) for _ in range(BATCH // 2)]
        untold = [changed(sequences[i], draw) for i in draw.integers(len(sequences), size=BATCH - len(told))]
        loss = lost(model, told, untold)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["initial_lr"]
            optimizer.step()
            optimizer.zero_grad()
        mean = 0.98 * mean + 0.02 * loss.item()
        if (step + 1) % 50 == 0:
            minutes, usual = (time.process_time() - begun) / 60, mean / (1 - 0.98 ** (step + 1))
            print(f"step {step + 1} of {now.steps}, loss {usual:.3f}, {minutes:.1f} minutes", flush=True)


def learning(model: Listener) -> list[torch.optim.Optimizer]:
    """Muon for the weights between layers, AdamW for the rest; the ear stays what it is."""
    model.data2vec_audio.feature_extractor.conv_layers[0].requires_grad_(False)
    inner, rest = [], []
    for name, value in model.named_parameters():
        if value.requires_grad:
            (inner if value.ndim > 1 and not name.startswith("lm_head") else rest).append(value)
    found = [Muon(inner, 0.02), torch.optim.AdamW(rest, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)]
    for optimizer in found:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return found


def sequence(words: Sequence[Spoken], share: float, draw: np.random.Generator) -> Spoken:
    """One to five words of any voices, in half of the sequences with hardly a pause between them.

    share: of the words whose end is drawn out.
    """
    count, longest = draw.integers(1, 6), draw.choice((1000, 6000))
    chosen = [words[i] for i in draw.integers(len(words), size=count)]
    if share:
        chosen = [drawn_out(word, draw) if draw.random() < share else word for word in chosen]
    return together(chosen, draw.integers(0, longest, count))


def lost(model: Listener, told: Sequence[Spoken], untold: Sequence[Spoken]) -> Tensor:
    """How wrong the model is: on the token of each frame where words have times, and on the texts of the others."""
    samples, lengths = padded([one.samples for one in (*told, *untold)])
    frames = model.frames(lengths)
    with torch.autocast("cpu", torch.bfloat16):  # a quarter less time where the processor has it
        logits = model(samples, lengths).float()
    wanted = torch.full((len(told), logits.shape[1]), -100)
    for i, one in enumerate(told):
        wanted[i, : frames[i]] = aligned(one, int(frames[i]), model.stride)
    texts = [text(one.words) for one in untold]
    scores, heard = logits[len(told) :].log_softmax(-1).transpose(0, 1), frames[len(told) :]
    counts = torch.tensor([len(one) for one in texts])
    whole = F.ctc_loss(scores, torch.cat(texts), heard, counts, reduction="none", zero_infinity=True)
    return F.cross_entropy(logits[: len(told)].flatten(0, 1), wanted.flatten()) + whole.sum() / heard.sum()


def text(words: Sequence[str]) -> Tensor:
    """The tokens of words, with a pause before, between and after them."""
    return torch.tensor([PAUSE, *(token for word in words for token in (TOKENS.index(word), PAUSE))])


def aligned(one: Spoken, frames: int, stride: int) -> Tensor:
    """The token of each frame; at least one of pause parts two words.

    stride: samples of a frame. It is told what is heard in its own, so that times come out right.
    """
    wanted = torch.full((frames,), PAUSE)
    last = 0
    for word, (start, end) in zip(one.words, one.spans, strict=True):
        first, stop = round(start / stride), min(round(end / stride), frames)
        if last:
            wanted[min(last, first - 1)] = PAUSE
            first = max(first, min(last, first - 1) + 1)
        wanted[first:stop] = TOKENS.index(word)
        last = stop
    return wanted


def padded(sounds: Sequence[Samples]) -> tuple[Tensor, Tensor]:
    """Sounds as one tensor, filled up with zeros, and their lengths."""
    tensors = [torch.from_numpy(one) for one in sounds]
    lengths = torch.tensor([len(one) for one in tensors])
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths


def write(folder: Path, model: Listener) -> None:
    """The model and its words, in the layout of the Hub."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    (folder / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    files = {
        "config.json": CONFIG,
        "preprocessor_config.json": {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "sampling_rate": RATE,
            "do_normalize": True,
            "return_attention_mask": True,
        },
        "vocab.json": {token: number for number, token in enumerate(TOKENS)},
        "tokenizer_config.json": {"tokenizer_class": "Wav2Vec2CTCTokenizer", "bos_token": None, "eos_token": None},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def tests(recordings: Path | None) -> dict[str, list[Spoken]]:
    """What the model is scored on, by name."""
    found = {
        "espeak-ng, accents and voices never heard": list(unheard(200, SEED + 2)),
        "the same, words put together": unheard_together(100, SEED + 3),
        "festival's ked, a person's voice never heard": list(unheard_person(30, SEED + 4)),
    }
    return found | ({"a real person's recordings": recorded(recordings, 100, SEED)} if recordings else {})


def part(one: Round, share: float) -> Round:
    """A round with a share of the voices, sequences and steps."""
    return replace(one, **{name: round(share * getattr(one, name)) for name in ("voices", "texts", "steps")})


def main() -> None:
    """Train, score and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--recordings", type=Path, help="a person's digits, 0.wav to 9.wav, to be scored on besides")
    parser.add_argument("--share", type=float, default=1.0, help="of the voices and steps, to try the program")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rounds = [part(one, given.share) for one in ROUNDS]
    begun = time.process_time()
    model = Listener(CONFIG | {"conv_pos_kernel_size": rounds[0].taps})
    with torch.no_grad():
        model.lm_head.bias[BLANK] = -50  # pauses are written, and a blank inside a word would make it two
    for number, one in enumerate(rounds):
        words, sequences = single(one.voices, SEED), fluent(one.texts, SEED + 1)
        print(f"round {number + 1}: {len(words)} words, {len(sequences)} sequences", flush=True)
        model.widen(one.taps)
        train(model, words, sequences, one, np.random.default_rng(SEED + number))
    counts = {"words": len(words), "sequences": len(sequences), "seed": SEED}
    counts["heard"] = sum(one.steps for one in rounds) * BATCH
    counts["minutes"] = math.ceil((time.process_time() - begun) / 60)
    write(given.output, model)
    # What is scored is what is stored, by the pipeline that a user has.
    transcribe = pipeline("automatic-speech-recognition", model=str(given.output), device="cpu")
    scores = {name: scored(transcribe, test) for name, test in tests(given.recordings).items()}
    print(*(f"{name}: {score}" for name, score in scores.items()), sep="\n")
    (given.output / "README.md").write_text(card(scores, counts), encoding="utf-8")


if __name__ == "__main__":
    main()
