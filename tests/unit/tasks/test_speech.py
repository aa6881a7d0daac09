"""Speech recognition with CTC: long sounds, strange sounds, decoders, and what does not go together."""

import json
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from nbpipes import pipeline
from nbpipes.engine.events import Done, Partial
from nbpipes.errors import InputError
from nbpipes.layers import linear
from nbpipes.results.failures import Failure
from nbpipes.tasks.transcribing import ctc
from nbpipes.tasks.transcribing.contract import Draft

GOLDEN = Path(__file__).parents[2] / "golden"
sys.path.insert(0, str(GOLDEN))
import toy_kenlm  # noqa: E402
from sounds import RATE, sound  # noqa: E402

TASK = "automatic-speech-recognition"
MODEL = GOLDEN / "wav2vec2" / "ctc"


@pytest.fixture(scope="module")
def pipe():
    return pipeline(TASK, model=MODEL, device="cpu")


def test_the_task_of_a_model_is_told_by_its_class(pipe):
    assert pipeline(model=MODEL).task == TASK
    assert pipeline(model=GOLDEN / "wav2vec2" / "audio").task == "audio-classification"
    assert pipe.type == "ctc"


def test_files_and_arrays_say_the_same(pipe, tmp_path):
    path = tmp_path / "speech.wav"
    soundfile.write(path, sound("speech"), RATE, subtype="FLOAT")
    wanted = pipe(sound("speech"))
    assert wanted["text"]
    assert pipe(str(path)) == pipe(path) == pipe(path.read_bytes()) == pipe(audio=path) == wanted
    assert pipe([path, path]) == [wanted, wanted]


def test_a_model_that_begins_with_a_packed_layer_answers_twice(monkeypatch):
    monkeypatch.setattr(linear, "packing_pays", lambda dtype: True)
    large = pipeline(TASK, model=GOLDEN / "wav2vec2" / "ctc-large", device="cpu")
    assert large(sound("tone")) == large(sound("tone"))
    assert large.device.type == "cpu"


def test_dicts_may_be_used_twice(pipe):
    item = {"raw": sound("speech"), "sampling_rate": RATE, "partial": True, "number": 3}
    first, second = pipe(item), pipe(item)
    assert first == second
    assert first["partial"] == [True]
    assert first["number"] == [3]
    assert sorted(item) == ["number", "partial", "raw", "sampling_rate"]


def test_values_of_dicts_come_once_for_each_window(pipe):
    found = pipe({"raw": sound("long"), "sampling_rate": RATE, "who": "me"}, chunk_length_s=1)
    assert found["who"] == ["me"] * 5


def test_chunks_of_a_recording_are_answered_as_they_come(pipe):
    heard = []

    def microphone():
        for length in (0.5, 1.0, 1.3):
            time.sleep(0.01)  # whoever speaks lets the reader wait
            heard.append(length)
            samples = sound("speech")[: round(length * RATE)]
            yield {"raw": samples, "sampling_rate": RATE, "stride": (0, 1600), "partial": length < 1.3}

    for number, found in enumerate(pipe(microphone()), start=1):
        assert len(heard) == number
        assert found["partial"] == [number < 3]
        assert found["text"]


def test_a_stride_counts_in_long_sounds_too(pipe, monkeypatch):
    item = {"raw": sound("long"), "sampling_rate": RATE, "stride": (RATE, RATE)}
    wanted = pipe(item, return_timestamps="char")
    monkeypatch.setattr(ctc, "LONGEST", 2.0)
    assert pipe(item, return_timestamps="char") == wanted


def test_other_rates_are_resampled(pipe):
    low = {"raw": sound("speech", 8000), "sampling_rate": 8000}
    high = {"raw": sound("speech", 48000), "sampling_rate": 48000}
    assert pipe(low, return_timestamps="char")["chunks"][-1]["timestamp"][1] == pytest.approx(1.3, abs=0.05)
    assert pipe(high, return_timestamps="char")["chunks"][-1]["timestamp"][1] == pytest.approx(1.3, abs=0.05)


def test_long_sounds_are_cut_into_windows(pipe, monkeypatch):
    wanted = pipe(sound("long"), chunk_length_s=1.0, stride_length_s=0.2, return_timestamps="word")
    monkeypatch.setattr(ctc, "LONGEST", 2.0)
    monkeypatch.setattr(ctc, "WINDOW", 1.0)
    monkeypatch.setattr(ctc, "STRIDES", (0.2, 0.2))
    assert pipe(sound("long"), return_timestamps="word") == wanted
    assert pipe(sound("speech")) == pipe(sound("speech"), chunk_length_s=0)


def test_partial_text_grows_to_the_whole(pipe):
    events = list(pipe.events([sound("long")], chunk_length_s=0.5, stride_length_s=0, batch_size=1))
    texts = [event.text for event in events if isinstance(event, Partial)]
    [done] = [event for event in events if isinstance(event, Done)]
    assert len(texts) == 7
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert done.result["text"]


def test_drafts_wait_for_missing_windows():
    draft = Draft()
    assert draft.put(1, "b") == ""
    assert draft.put(0, "a") == "ab"
    assert draft.put(2, "c", between=" ") == "a b c"
    assert draft.share(3) is None
    assert [Draft(windows=4).share(done) for done in (0, 1, 9)] == [0, 0.25, 1]


def test_a_bad_item_costs_itself_only(pipe, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("this is no sound")
    broken = np.full(RATE, np.nan, np.float32)
    items = [sound("speech"), text, np.zeros(0, np.float32), broken, np.zeros(100, np.float32), sound("tone")]
    found = pipe(items, on_error="record")
    assert [isinstance(one, Failure) for one in found] == [False, True, True, True, True, False]
    assert found[0] == pipe(sound("speech"))
    for one, why in zip(found[1:5], ("cannot be read", "no samples", "no finite", "too short"), strict=True):
        assert why in one.text


def test_a_last_window_that_is_too_short_is_left_out(pipe):
    samples = sound("long")[: RATE * 2 + 100]
    assert pipe(samples, chunk_length_s=1, stride_length_s=0) == pipe(
        samples[: RATE * 2], chunk_length_s=1, stride_length_s=0
    )


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"return_timestamps": True}, "letters or words"),
        ({"return_timestamps": "sentence"}, "return_timestamps must be"),
        ({"return_language": True}, "only Whisper"),
        ({"chunk_length_s": -1}, "chunk_length_s must be seconds"),
        ({"chunk_length_s": 1, "stride_length_s": 0.5}, "no middle"),
        ({"stride_length_s": [1, 2, 3]}, "stride_length_s must be"),
        ({"generate_kwargs": 3}, "generate_kwargs must be"),
        ({"timeout": 0}, "timeout must be"),
        ({"generate_kwargs": {"forced_decoder_ids": [[1, 2]]}}, "forced_decoder_ids .* use language= and task="),
        ({"is_multilingual": True}, "is_multilingual .* generation_config.json"),
    ],
)
def test_what_does_not_go_together_is_said(pipe, call, why):
    with pytest.raises(InputError, match=why):
        pipe(sound("short"), **call)


def test_unknown_options_are_errors(pipe):
    with pytest.raises(TypeError, match="chunk_length_s"):
        pipe(sound("short"), chunk_lenght_s=3)
    with pytest.raises(TypeError, match="num_beams"):
        pipe(sound("short"), generate_kwargs={"num_beam": 3})
    with pytest.raises(TypeError, match="given twice"):
        pipe(sound("short"), audio=sound("short"))


def test_false_is_no_wish_for_times(pipe):
    assert pipe(sound("speech"), return_timestamps=False) == pipe(sound("speech"))


def test_settings_of_a_generation_change_nothing(pipe):
    assert pipe(sound("speech"), max_new_tokens=3, generate_kwargs={"num_beams": 2}) == pipe(sound("speech"))


def test_a_saved_pipeline_comes_back(pipe, tmp_path):
    pipe.save_pretrained(tmp_path / "saved")
    again = pipeline(model=tmp_path / "saved", device="cpu")
    assert again(sound("speech"), return_timestamps="word") == pipe(sound("speech"), return_timestamps="word")


# ---------------------------------------------------------------------- decoders


@pytest.fixture
def with_words(tmp_path) -> Path:
    """A model with a decoder: its repository says so."""
    folder = Path(shutil.copytree(MODEL, tmp_path / "model"))
    raw = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(raw | {"processor_class": "Wav2Vec2ProcessorWithLM"}))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    known = {"<pad>": "", "|": " ", "<unk>": "⁇"}
    labels = [known.get(letter, letter) for letter in sorted(vocabulary, key=vocabulary.get)]
    (folder / "alphabet.json").write_text(json.dumps({"labels": labels, "is_bpe": False}))
    (folder / "language_model").mkdir()
    shutil.copyfile(GOLDEN / "beams" / "words.bin", folder / "language_model" / "words.bin")
    return folder


def test_a_decoder_comes_with_its_model(with_words, tmp_path, monkeypatch, pipe):
    monkeypatch.setitem(sys.modules, "kenlm", toy_kenlm)
    own = pipeline(TASK, model=with_words, device="cpu")
    assert own.type == "ctc_with_lm"
    found = own(sound("speech"), return_timestamps="word")
    assert found["text"] == " ".join(chunk["text"] for chunk in found["chunks"]) != pipe(sound("speech"))["text"]
    assert all(isinstance(time, float) for chunk in found["chunks"] for time in chunk["timestamp"])
    assert own(sound("long"), chunk_length_s=1)["text"]
    other = own(sound("speech"), decoder_kwargs={"hotwords": ["NONE"], "beam_width": 2})
    assert other["text"] != found["text"]
    with pytest.raises(InputError, match="words only"):
        own(sound("speech"), return_timestamps="char")
    own.save_pretrained(tmp_path / "saved")
    assert pipeline(model=tmp_path / "saved", device="cpu")(sound("speech"))["text"] == found["text"]


def test_without_kenlm_letters_are_spelled(with_words, monkeypatch, caplog, pipe):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    plain = pipeline(TASK, model=with_words, device="cpu")
    assert plain(sound("speech")) == pipe(sound("speech"))
    assert plain.type == "ctc"
    assert "pip install" in caplog.text


def test_a_decoder_of_ones_own(pipe):
    class Shouting:
        def decode_beams(self, logits, times=1):
            assert logits.shape[1] == 11
            return [("HEY" * times, None, [("HEY", (0, 2))], 0.0, 0.0)]

    assert pipe(sound("speech"), decoder=Shouting(), decoder_kwargs={"times": 2})["text"] == "HEYHEY"
    found = pipe(sound("speech"), decoder=Shouting(), return_timestamps="word")["chunks"]
    assert found == [{"text": "HEY", "timestamp": (0.0, 0.04)}]
