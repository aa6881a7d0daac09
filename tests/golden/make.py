"""Writes the tiny checkpoints below this folder and the reference's answers for them (make golden).

Runs in an environment that has transformers 4.57.6. Arguments: names of families; none means all of them.
"""

import os
import shutil
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # everything needed is made here

import torch
import transformers
from make_decoders import DECODERS, make_decoder
from make_depth import FAMILIES as DEPTH
from make_depth import make_depth
from make_detection import FAMILIES as DETECTION
from make_detection import make_detection
from make_documents import FAMILIES as DOCUMENTS
from make_documents import make_documents
from make_donut import make_donut
from make_encodings import make_encodings
from make_models import FAMILIES, LIMIT, make_models
from make_moonshine import make_moonshine
from make_processors import make_pictures, make_processors
from make_released import make_released
from make_segmentation import FOLDERS as SEGMENTATION
from make_segmentation import make_segmentation
from make_seq2seq import FAMILIES as SEQ2SEQ
from make_seq2seq import make_seq2seq
from make_sounds import FAMILIES as SOUNDS
from make_sounds import make_sounds
from make_tables import make_tables, make_tapex
from make_tasks import make_tasks
from make_text2text import CASES as WRITTEN
from make_text2text import make_text2text
from make_tokenizers import make_tokenizer
from make_vision import FAMILIES as PATCHED
from make_vision import JOINT, make_vision
from make_whisper import make_whisper

HERE = Path(__file__).parent
VERSION = "4.57.6"
VISION = (*PATCHED, *JOINT)


def make_family(family: str) -> None:
    folder = HERE / family
    if family in DEPTH:
        make_depth(family)
        return
    if family in DETECTION:
        make_detection(family)
        return
    if family == "tapas":
        names = [*make_tables(folder), *make_tapex(HERE / "tapex")]
    elif family in DOCUMENTS:
        names = make_documents(family, folder)
    elif family in DECODERS:
        names = make_decoder(family, folder)
    elif family in SEQ2SEQ:
        names = make_seq2seq(family, folder)
        if family in WRITTEN:
            make_text2text(family, folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        tokenizer = make_tokenizer(family, folder / "tokenizer", LIMIT)
        names = [made.name for made in make_models(family, folder, tokenizer)]
        make_tasks(family, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{family}: {', '.join(names)} ({size / 1000:.0f} kB)")


def main() -> None:
    if transformers.__version__ != VERSION:
        raise SystemExit(f"The reference is transformers {VERSION}, this is {transformers.__version__}.")
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)  # sums in one order, whatever the machine
    named = sys.argv[1:]
    if not named:
        make_encodings([])
        make_pictures()
        make_processors()
        make_released()
    texts = (*FAMILIES, *DECODERS, *SEQ2SEQ, "tapas", *DOCUMENTS)
    others = ("whisper", "moonshine", "vision-encoder-decoder")
    every = (*texts, *SOUNDS, *others, *VISION, *DEPTH, *DETECTION, *SEGMENTATION)
    for family in named or dict.fromkeys(every):
        if family in SOUNDS:
            make_sounds(family)
        elif family == "whisper":
            make_whisper(family)
        elif family == "moonshine":
            make_moonshine(family)
        elif family == "vision-encoder-decoder":
            make_donut(HERE / family)
        elif family in VISION:
            make_vision(family)
        elif family in DEPTH or family in DETECTION or family not in SEGMENTATION:
            make_family(family)
        if family in SEGMENTATION:
            make_segmentation(family)


if __name__ == "__main__":
    main()
