"""Seconds that Whisper takes for recordings against transformers, with the same settings in the same process.

    python benchmarks/speech.py MODEL FILE... [--threads 1] [--rounds 3] [--beams 5] [--timestamps word] [--chunk 20]

MODEL: a folder or an id on the Hub. FILE: recordings; both packages get the same samples at 16 kHz. Files longer than
30 seconds are read through window by window (long form), unless --chunk says how many seconds windows shall have. The
packages take turns, in reversed order every other round; medians are shown, and whether the texts are equal. Both
compute on one thread of the process, ours.

With one thread the seconds are those of the processor, so other programs on the machine do not count; with more they
are those of the clock.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from workloads import Case, rounds

import nbpipes
from nbpipes.engine import compute
from nbpipes.processing.audio.sources import read_audio

TASK, RATE = "automatic-speech-recognition", 16_000


def compare(path: Path, ours: nbpipes.Pipeline, theirs: transformers.Pipeline, options: argparse.Namespace) -> None:
    """Prints the seconds that both take for a file."""
    samples = read_audio(path, RATE)
    given: dict[str, Any] = {"generate_kwargs": {"num_beams": options.beams}}
    given["return_timestamps"] = "word" if options.timestamps == "word" else True
    if options.chunk:
        given["chunk_length_s"] = options.chunk
    texts: dict[str, str] = {}

    def run(name: str, pipe: Any) -> Case:
        def work() -> None:
            texts[name] = pipe(samples.copy(), **given)["text"]

        return work

    cases = {"nbpipes": run("nbpipes", ours), "transformers": run("transformers", theirs)}
    for work in cases.values():
        work()
    times = rounds(cases, options.rounds, options.threads)
    same = "equal texts" if texts["nbpipes"] == texts["transformers"] else "DIFFERENT TEXTS"
    length, ratio = len(samples) / RATE, times["transformers"] / times["nbpipes"]
    print(f"\n{path.name}, {length:.1f} s of sound: {ratio:.2f} ×, {same}")
    for case, taken in times.items():
        print(f"  {case:14} {taken:7.2f} s   {length / taken:6.1f} × as fast as speech")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--timestamps", choices=["true", "word"], default="true")
    parser.add_argument("--chunk", type=float, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ours = nbpipes.pipeline(TASK, model=options.model, device="cpu")
    theirs = transformers.pipeline(TASK, model=options.model, device="cpu")
    versions = f"torch {torch.__version__}, transformers {transformers.__version__}, Python {sys.version.split()[0]}"
    print(f"{versions}, {options.threads} threads, {options.beams} beams, timestamps {options.timestamps}")
    for path in options.files:
        compare(path, ours, theirs, options)


if __name__ == "__main__":
    compute.run(main)  # both on one thread: a second one that runs torch slows both
