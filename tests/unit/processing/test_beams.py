"""Texts by beam search are those of pyctcdecode: words, times, scores, with and without a language model."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nbpipes.errors import InputError, NbpipesError, TokenizerError
from nbpipes.hub.repo import Repo
from nbpipes.processing.audio.beams import BeamDecoder, load_decoder
from nbpipes.processing.audio.language_model import LanguageModel

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
import toy_kenlm  # noqa: E402
from beams import LABELS, SETTINGS, WORDS, logits  # noqa: E402

CASES = json.loads((GOLDEN / "beams" / "beams.json").read_text(encoding="utf-8"))
FILE = str(GOLDEN / "beams" / "words.bin")


def model() -> LanguageModel:
    return LanguageModel(toy_kenlm, FILE, WORDS, alpha=0.7, beta=1.0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['number']}-{case['model']}")
def test_beams_equal_those_of_pyctcdecode(case):
    decoder = BeamDecoder(LABELS, model() if case["model"] else None)
    beams = decoder.decode_beams(logits(case["number"]), **SETTINGS[case["number"] % len(SETTINGS)])
    assert len(beams) == case["count"]
    for (text, _, words, score, total), wanted in zip(beams, case["best"], strict=False):
        assert text == wanted["text"]
        assert [[word, list(span)] for word, span in words] == wanted["words"]
        assert (score, total) == pytest.approx((wanted["score"], wanted["total"]), abs=1e-6)


def test_a_single_frame_and_silence():
    [(text, _, words, *_), *_] = BeamDecoder(LABELS).decode_beams(np.array([[9.0, *[0.0] * 6]]))
    assert (text, words) == ("", [])


def test_logits_of_another_alphabet_are_refused():
    with pytest.raises(InputError, match="knows 7 letters"):
        BeamDecoder(LABELS).decode_beams(np.zeros((3, 5)))
    with pytest.raises(InputError, match="beam_width"):
        BeamDecoder(LABELS).decode_beams(np.zeros((3, 7)), beam_width=0)
    with pytest.raises(TokenizerError, match="one that stands for none"):
        BeamDecoder(["A", " "])


def write(folder: Path, alphabet: object, *, model: bool = True) -> Repo:
    (folder / "alphabet.json").write_text(json.dumps(alphabet), encoding="utf-8")
    if model:
        inner = folder / "language_model"
        inner.mkdir()
        (inner / "words.bin").write_text("\n".join(WORDS), encoding="utf-8")
        (inner / "unigrams.txt").write_text("\n".join(WORDS), encoding="utf-8")
        attributes = {"alpha": 0.7, "beta": 1.0, "unk_score_offset": -10.0, "score_boundary": True}
        (inner / "attrs.json").write_text(json.dumps(attributes), encoding="utf-8")
    return Repo(folder)


def test_decoders_are_read_from_repositories(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", toy_kenlm)
    decoder = load_decoder(write(tmp_path, {"labels": LABELS, "is_bpe": False}))
    wanted = next(case for case in CASES if case["model"])
    assert decoder.decode_beams(logits(0))[0][0] == wanted["best"][0]["text"]


def test_without_kenlm_the_way_to_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    repo = write(tmp_path, {"labels": LABELS, "is_bpe": False})
    with pytest.raises(NbpipesError, match=r"pip install .*\[lm\]"):
        load_decoder(repo)


def test_a_decoder_without_a_language_model(tmp_path):
    assert load_decoder(write(tmp_path, {"labels": LABELS, "is_bpe": False}, model=False)).model is None


@pytest.mark.parametrize(
    ("alphabet", "why"),
    [([], "JSON object"), ({"labels": [1]}, "labels"), ({"labels": ["", "▁a"], "is_bpe": True}, "parts of words")],
)
def test_damaged_alphabets_say_so(tmp_path, alphabet, why):
    with pytest.raises((TokenizerError, NbpipesError), match=why):
        load_decoder(write(tmp_path, alphabet, model=False))


def test_a_damaged_language_model_says_so(tmp_path, monkeypatch):
    def broken(path: str) -> None:
        raise OSError("bad magic")

    fake = ModuleType("kenlm")
    fake.Model = broken  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "kenlm", fake)
    with pytest.raises(TokenizerError, match="bad magic"):
        load_decoder(write(tmp_path, {"labels": LABELS, "is_bpe": False}))
