"""Writing text, beside transformers in the same process and on the same work.

    python benchmarks/generation.py [--threads 2] [--dtype float32] [--rounds 3] [--stored float32] [--only one]
        [--device cpu]

one, 8, 32: SmolLM2-135M-Instruct goes on greedily with so many prompts of different lengths, 64 new tokens each; in
float32 the tokens have to be identical. Its weights are stored in bfloat16, as they are published, or as --stored
says: what float16 can hold is read faster. For one prompt it also prints how far a token is from the limit that memory
sets: the bytes of the weights by the bandwidth of reading, measured here between the runs. zero-shot: 20 labels for
each of 50 texts, against the best batch size of transformers, and how far that is from the limit that the products of
matrices set. summaries, translations: models with the shapes of bart-base and of Marian, with drawn weights; 8 texts,
greedily and by 4 beams. Each takes some minutes.

The cases take turns, in reversed order every other round; medians are shown. Both compute on one thread of the
process, ours (see batching.py). With one thread the seconds are those of the processor, with more those of the clock.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

# transformers turns the tokenizers' threads off for the whole process when it is first used; both get them here.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import torch
import transformers
from checkpoint import brought, with_head
from safetensors.torch import load_file, save_file
from workloads import Case, natural, rounds, seconds

import nbpipes
from nbpipes.engine import compute
from nbpipes.layers.linear import Linear

NEW = 64
PROMPTS = {"one": [32], "8": [8 + 16 * i for i in range(8)], "32": [8 + 4 * i for i in range(32)]}
"""Tokens of the prompts of each workload."""
ZERO_SHOT_BATCHES = (1, 8, 64, 256)
LABELS = [
    f"{name} {part}" for name in ("sport", "music", "food", "trade") for part in ("news", "law", "art", "sale", "fair")
]
BLOCK = 1 << 28
"""Bytes that are read to measure the bandwidth: more than any cache holds."""
SIDE = 1024
"""Of the matrices that are multiplied to measure how fast that can be."""
SHAPES = {"summaries": ("BartForConditionalGeneration", 768, 12), "translations": ("MarianMTModel", 512, 8)}
"""Class of the model, its width and its heads; the feed-forward layers are four times as wide."""


PARTS = [*PROMPTS, "zero-shot", *SHAPES]


def show(name: str, times: dict[str, float], tokens: int, ours: str = "nbpipes") -> None:
    """Prints tokens per second, and our ratio to each other case."""
    best = min(taken for case, taken in times.items() if case != ours)
    print(f"\n{name}: {best / times[ours]:.2f} ×")
    for case, taken in times.items():
        print(f"  {case:26} {tokens / taken:9.1f} /s   {taken / times[ours]:6.2f} ×")


def smollm2(scratch: Path, stored: str) -> Path:
    """The folder of SmolLM2, made of the GGUF file in which it comes. stored: the dtype of the weights there."""
    folder = scratch / "smollm2"
    file = brought("SmolLM2-135M-Instruct-GGUF") / "Q4_1.gguf"
    nbpipes.pipeline("text-generation", model=file, device="cpu").save_pretrained(folder)
    weights = folder / "model.safetensors"  # a saved pipeline has those of its checkpoint, whatever its own dtype
    rounded = {name: weight.to(getattr(torch, stored)) for name, weight in load_file(weights).items()}
    save_file(rounded, weights, metadata={"format": "pt"})
    return folder


def decoding(name: str, folder: Path, options: argparse.Namespace) -> None:
    """Greedy writing with several prompts."""
    dtype = getattr(torch, options.dtype)
    ours = nbpipes.pipeline("text-generation", model=folder, dtype=options.dtype, device=options.device)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval().to(options.device)
    draw = torch.Generator().manual_seed(1)
    rows = [torch.randint(1000, 40000, (length,), generator=draw).tolist() for length in PROMPTS[name]]
    prompts = [ours.tokenizer.decode(row) for row in rows]
    fixed = {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False}
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")

    def generate() -> Any:
        batch = tokenizer(prompts, return_tensors="pt", padding=True).to(options.device)
        return theirs.generate(**batch, **fixed)[:, -NEW:].tolist()

    def write() -> list[list[int]]:
        found = ours(prompts, return_tensors=True, **fixed)
        return [one[0]["generated_token_ids"][-NEW:] for one in found]

    cases: dict[str, Case] = {"nbpipes": write, "transformers": generate}
    same = sum(a == b for a, b in zip(write(), generate(), strict=True))
    bandwidth = [reading(options.threads)]
    times = rounds(cases, options.rounds, options.threads)
    bandwidth.append(reading(options.threads))
    kind = f"{options.dtype} from {options.stored}"
    show(f"{len(prompts)} prompts, {kind}, tokens identical for {same}", times, NEW * len(prompts))
    if name == "one" and options.device == "cpu":
        size = sum(weight.nbytes for weight in theirs.parameters())
        least, taken = size / statistics.median(bandwidth), times["nbpipes"] / NEW
        print(
            f"  a token takes {1000 * taken:.1f} ms, {taken / least:.2f} × the limit of {1000 * least:.1f} ms", end=""
        )
        print(f" ({size / 1e6:.0f} MB at {size / least / 1e9:.1f} GB/s)")


def reading(threads: int) -> float:
    """Bytes per second that can be read from memory, by the same clock as the runs."""
    block = torch.ones(BLOCK // 4)
    return BLOCK / min(seconds(block.sum, threads) for _ in range(5))


def zero_shot(scratch: Path, options: argparse.Namespace) -> None:
    """Labels for texts, with MiniLM under a head of drawn weights."""
    folder = with_head(scratch, "BertForSequenceClassification", 3)
    ours = nbpipes.pipeline("zero-shot-classification", model=folder, dtype=options.dtype, device=options.device)
    theirs = transformers.pipeline(
        "zero-shot-classification", model=str(folder), dtype=options.dtype, device=options.device
    )
    texts = natural(50)
    cases: dict[str, Case] = {"nbpipes": lambda: ours(texts, candidate_labels=LABELS)}
    for size in ZERO_SHOT_BATCHES:
        cases[f"transformers, batch {size}"] = lambda size=size: theirs(texts, candidate_labels=LABELS, batch_size=size)
    ours(texts[:4], candidate_labels=LABELS)
    rate = [multiplying(options)]
    times = rounds(cases, options.rounds, options.threads)
    rate.append(multiplying(options))
    show(f"zero-shot, {len(LABELS)} labels × 50 texts", times, 1000)
    pairs = [(text, f"This example is {label}.") for text in texts for label in LABELS]
    tokens = sum(len(encoding.ids) for encoding in ours.tokenizer.encode_batch(pairs))
    body = [layer for block in list(ours.model.trunk.blocks)[:-1] for layer in block.modules()]
    weights = sum(layer.in_features * layer.out_features for layer in body if isinstance(layer, torch.nn.Linear))
    least = 2 * weights * tokens / statistics.median(rate)
    print(f"  {times['nbpipes'] / least:.2f} × the {least:.1f} s of all blocks' products but the last one's", end="")
    print(f" ({tokens:,} tokens at {statistics.median(rate) / 1e9:.0f} GFLOP/s)")


def multiplying(options: argparse.Namespace) -> float:
    """Floating point operations per second of our linear layers, by the same clock as the runs."""
    layer = Linear(SIDE, SIDE, bias=False, dtype=getattr(torch, options.dtype), device=options.device)
    x = torch.randn(SIDE, SIDE).to(layer.weight)

    def work() -> None:
        with torch.inference_mode():
            if layer.packed is None and layer.pays:
                layer.pack()
            for _ in range(20):
                layer(x)

    work()
    return 20 * 2 * SIDE**3 / min(seconds(work, options.threads) for _ in range(3))


def about_texts(name: str, scratch: Path, options: argparse.Namespace) -> None:
    """Writing about texts, greedily and by beams."""
    folder = scratch / name
    kind, width, heads = SHAPES[name]
    tokenizer = transformers.AutoTokenizer.from_pretrained(brought("all-MiniLM-L6-v2"))
    shape = {"d_model": width, "vocab_size": len(tokenizer), "max_position_embeddings": 512}
    for side in ("encoder", "decoder"):
        shape |= {f"{side}_layers": 6, f"{side}_attention_heads": heads, f"{side}_ffn_dim": 4 * width}
    ids = {"pad_token_id": 0, "bos_token_id": 101, "eos_token_id": 102, "forced_eos_token_id": None}
    torch.manual_seed(0)
    made = getattr(transformers, kind)
    made(made.config_class(**shape, **ids, decoder_start_token_id=101)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    dtype = getattr(torch, options.dtype)
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=dtype).eval().to(options.device)
    ours = nbpipes.pipeline("text2text-generation", model=folder, dtype=options.dtype, device=options.device)
    texts = natural(8)
    for beams in (1, 4):
        fixed = {"max_new_tokens": 32, "min_new_tokens": 32, "num_beams": beams, "do_sample": False}

        def generate(fixed: Any = fixed) -> Any:
            batch = tokenizer(texts, return_tensors="pt", padding=True).to(options.device)
            return theirs.generate(batch["input_ids"], attention_mask=batch["attention_mask"], **fixed).tolist()

        def write(fixed: Any = fixed) -> Any:
            return [one["generated_token_ids"].tolist() for one in ours(texts, return_tensors=True, **fixed)]

        same = sum(a == b for a, b in zip(write(), generate(), strict=True))
        times = rounds({"nbpipes": write, "transformers": generate}, options.rounds, options.threads)
        show(f"{name}, 8 sources, {beams} beams, texts identical for {same}", times, 8 * 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--stored", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="*", choices=PARTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wanted = options.only or PARTS
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}, ", end=""
    )
    print(f"{options.threads} threads, {options.dtype}, {options.device}")
    with tempfile.TemporaryDirectory() as scratch:
        chosen = [name for name in PROMPTS if name in wanted]
        folder = smollm2(Path(scratch), options.stored) if chosen else Path(scratch)
        for name in chosen:
            decoding(name, folder, options)
        if "zero-shot" in wanted:
            zero_shot(Path(scratch), options)
        for name in SHAPES:
            if name in wanted:
                about_texts(name, Path(scratch), options)


if __name__ == "__main__":
    compute.run(main)  # both on one thread: a second one that runs torch slows both
