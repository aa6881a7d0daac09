"""Speech recognition with CTC against transformers: a model shaped as wav2vec2-base on clips of mixed length.

    python benchmarks/speech_ctc.py [--threads 1] [--rounds 3] [--clips 40] [--device cpu] [--dtype float32]

Clips last 1 to 15 seconds, log-normal as those of voice assistants and dictation; weights are drawn, which changes no
time. transformers runs at batch sizes 1, 2, 4 and 8, with the clips as they come and sorted by length; nbpipes chooses
for itself. The cases take turns; medians are shown, in seconds of the processor where one thread computes.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from workloads import Case, rounds

import nbpipes
from nbpipes.engine import compute

UPSTREAM_BATCHES = (1, 2, 4, 8)
SORTED = ", sorted"
RATE = 16_000
LETTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ")


def clips(count: int) -> list[NDArray[np.float32]]:
    """Noise of speech's loudness; what is said costs no time."""
    draw = np.random.default_rng(0)
    seconds = np.clip(draw.lognormal(1.4, 0.6, count), 1, 15)
    return [0.1 * draw.standard_normal(int(length * RATE)).astype(np.float32) for length in seconds]


def write_model(folder: Path) -> None:
    """A model with drawn weights, and its letters."""
    torch.manual_seed(0)
    transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(vocab_size=len(LETTERS))).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(LETTERS)}), encoding="utf-8")
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)


def cases(folder: Path, sounds: Sequence[NDArray[np.float32]], options: argparse.Namespace) -> dict[str, Case]:
    """The work of nbpipes, and that of transformers in batches of several sizes."""
    task, ordered = "automatic-speech-recognition", sorted(sounds, key=len)
    given = {"device": options.device, "dtype": options.dtype}
    ours = nbpipes.pipeline(task, model=folder, **given)
    theirs = transformers.pipeline(task, model=str(folder), **given)
    made: dict[str, Case] = {"nbpipes": lambda: ours(list(sounds))}
    for size in UPSTREAM_BATCHES:
        for name, given_sounds in (("", sounds), (SORTED, ordered)):
            if size > 1 or not name:
                made[f"transformers, batch {size}{name}"] = lambda size=size, given_sounds=given_sounds: theirs(
                    list(given_sounds), batch_size=size
                )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sounds = clips(options.clips)
    total = sum(map(len, sounds)) / RATE
    with tempfile.TemporaryDirectory() as scratch:
        write_model(Path(scratch))
        work = cases(Path(scratch), sounds, options)
        work["nbpipes"]()
        times = rounds(work, options.rounds, options.threads)
    theirs = {name: taken for name, taken in times.items() if name != "nbpipes"}
    given = min(taken for name, taken in theirs.items() if not name.endswith(SORTED))
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}, ", end=""
    )
    print(f"{options.threads} threads, {options.device}, {options.dtype}, {len(sounds)} clips of {total:.0f} s")
    print(f"{given / times['nbpipes']:.2f} × the best batch size of transformers, ", end="")
    print(f"{min(theirs.values()) / times['nbpipes']:.2f} × if somebody sorts the clips for it")
    for name, taken in times.items():
        print(f"  {name:30} {total / taken:7.1f} × real time   {taken / times['nbpipes']:6.2f} ×")


if __name__ == "__main__":
    compute.run(main)  # both on one thread: a second one that runs torch slows both
