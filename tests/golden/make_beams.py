"""Writes what pyctcdecode makes of logits to beams.json.

It needs pyctcdecode and pygtrie, but not kenlm: see `.venv-reference/.ready` in the Makefile.
"""

import json
import sys
from pathlib import Path

import toy_kenlm
from beams import LABELS, SETTINGS, WORDS, logits

sys.modules["kenlm"] = toy_kenlm
from pyctcdecode.alphabet import Alphabet  # noqa: E402
from pyctcdecode.decoder import BeamSearchDecoderCTC  # noqa: E402
from pyctcdecode.language_model import LanguageModel  # noqa: E402

HERE = Path(__file__).parent


def main() -> None:
    folder = HERE / "beams"
    folder.mkdir(exist_ok=True)
    (folder / "words.bin").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    model = LanguageModel(toy_kenlm.Model(str(folder / "words.bin")), list(WORDS), alpha=0.7, beta=1.0)
    made = []
    for number in range(24):
        for known in (None, model):
            given = SETTINGS[number % len(SETTINGS)]
            beams = BeamSearchDecoderCTC(Alphabet(LABELS, False), known).decode_beams(logits(number), **given)
            best = [
                {"text": text, "words": [[word, [int(one) for one in span]] for word, span in words]}
                | {"score": float(score), "total": float(total)}
                for text, _, words, score, total in beams[:2]
            ]
            made.append({"number": number, "model": known is not None, "count": len(beams), "best": best})
    (folder / "beams.json").write_text(json.dumps(made, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
