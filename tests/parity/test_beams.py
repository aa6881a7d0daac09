"""Beam search with a real language model side by side with pyctcdecode, by itself and in pipelines.

It needs kenlm and pyctcdecode, which `make parity` installs where kenlm can be compiled.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nbpipes
from nbpipes.hub.repo import Repo
from nbpipes.processing.audio.beams import BeamDecoder, load_decoder
from nbpipes.processing.audio.language_model import LanguageModel

kenlm = pytest.importorskip("kenlm")
pyctcdecode = pytest.importorskip("pyctcdecode")
transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))
from beams import LABELS, SETTINGS, WORDS, logits  # noqa: E402
from sounds import sound  # noqa: E402

TASK = "automatic-speech-recognition"
ARPA = str(GOLDEN / "beams" / "words.arpa")
WEIGHTS = st.fixed_dictionaries(
    {},
    optional={
        "alpha": st.sampled_from([0.0, 0.7, 1.5]),
        "beta": st.sampled_from([0.0, 1.0]),
        "unk_score_offset": st.sampled_from([-10.0, -2.0]),
        "score_boundary": st.booleans(),
    },
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 999), st.sampled_from(SETTINGS), st.sampled_from([None, [*WORDS], [*WORDS[:4]]]), WEIGHTS)
def test_all_beams_are_equal(number, call, words, weights):
    theirs = pyctcdecode.BeamSearchDecoderCTC(
        pyctcdecode.Alphabet(LABELS, False), pyctcdecode.LanguageModel(kenlm.Model(ARPA), words, **weights)
    )
    ours = BeamDecoder(LABELS, LanguageModel(kenlm, ARPA, words, **weights))
    found, wanted = (decoder.decode_beams(logits(number), **call) for decoder in (ours, theirs))
    assert [(text, spans) for text, _, spans, *_ in found] == [(text, spans) for text, _, spans, *_ in wanted]
    np.testing.assert_allclose([beam[3:] for beam in found], [beam[3:] for beam in wanted], atol=1e-9)


@pytest.fixture(scope="module", params=["wav2vec2/ctc", "hubert/ctc-large"])
def folder(request, tmp_path_factory):
    """A model whose repository has a decoder."""
    place = Path(shutil.copytree(GOLDEN / request.param, tmp_path_factory.mktemp("words") / "model"))
    raw = json.loads((place / "preprocessor_config.json").read_text())
    (place / "preprocessor_config.json").write_text(json.dumps(raw | {"processor_class": "Wav2Vec2ProcessorWithLM"}))
    vocabulary = json.loads((place / "vocab.json").read_text())
    known = {"<pad>": "", "|": " ", "<unk>": "⁇"}
    labels = [known.get(letter, letter) for letter in sorted(vocabulary, key=vocabulary.get)]
    (place / "alphabet.json").write_text(json.dumps({"labels": labels, "is_bpe": False}))
    inner = place / "language_model"
    inner.mkdir()
    shutil.copyfile(ARPA, inner / "words.arpa")
    (inner / "unigrams.txt").write_text("\n".join(WORDS))
    attributes = {"alpha": 0.5, "beta": 1.5, "unk_score_offset": -10.0, "score_boundary": True}
    (inner / "attrs.json").write_text(json.dumps(attributes))
    return str(place)


CALLS = (
    ("speech", {}),
    ("speech", {"return_timestamps": "word"}),
    ("long", {"return_timestamps": "word", "chunk_length_s": 1.0}),
    ("long", {"decoder_kwargs": {"beam_width": 5, "hotwords": ["TEA"], "hotword_weight": 4.0}}),
)


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_pipelines_with_a_language_model_are_equal(folder, name, call):
    fixed = {"device": "cpu", "dtype": torch.float32}
    ours, theirs = nbpipes.pipeline(TASK, folder, **fixed), transformers.pipeline(TASK, folder, **fixed)
    assert ours.type == theirs.type == "ctc_with_lm"
    wanted = theirs(sound(name), **call)
    assert wanted["text"]
    assert ours(sound(name), **call) == wanted
    plain = nbpipes.pipeline(TASK, str(GOLDEN / "wav2vec2/ctc"), **fixed)
    assert plain(sound(name))["text"] != wanted["text"]


def test_decoders_may_be_given(folder):
    pipe = nbpipes.pipeline(TASK, folder, device="cpu")
    theirs = pyctcdecode.BeamSearchDecoderCTC.load_from_dir(folder)
    wanted = pipe(sound("speech"), return_timestamps="word")
    for decoder in (theirs, load_decoder(Repo(folder))):
        assert pipe(sound("speech"), return_timestamps="word", decoder=decoder) == wanted
        built = nbpipes.pipeline(TASK, folder, device="cpu", decoder=decoder)
        assert built(sound("speech"), return_timestamps="word") == wanted
