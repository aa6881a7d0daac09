"""Putting together what Whisper wrote for windows: overlaps, times, words, texts as they grow, and interrupts."""

from pathlib import Path

import numpy as np
import pytest

import nbpipes
from nbpipes.engine.events import Done, Partial
from nbpipes.errors import InputError
from nbpipes.hub.repo import Repo
from nbpipes.processing.audio.log_mel import LogMel
from nbpipes.processing.audio.sound import Sound
from nbpipes.processing.text import Tokenizer
from nbpipes.tasks.transcribing.assembly import Assembly, Window
from nbpipes.tasks.transcribing.overlap import Words, joined
from nbpipes.tasks.transcribing.repair import repaired
from nbpipes.tasks.transcribing.words import words_of

FOLDER = Path(__file__).parents[2] / "golden/whisper/speech"
NOISE = np.random.default_rng(0).standard_normal(16_000 * 65).astype(np.float32) * 0.1
GREEDY = {"num_beams": 1, "return_timestamps": True}


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.load(Repo(FOLDER))


@pytest.fixture(scope="module")
def pipe():
    return nbpipes.pipeline("automatic-speech-recognition", model=FOLDER, device="cpu", **GREEDY)


def ids(tokenizer, text):
    return tokenizer.windows(text, add_special_tokens=False)[0].ids


def test_overlaps_are_joined_in_their_middle():
    parts = [Words([1, 2, 3, 4, 5, 6]), Words([4, 5, 6, 7, 8]), Words([7, 8, 9])]
    assert joined(parts).tokens == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_misheard_edge_gives_way_to_the_other_window():
    assert joined([Words([1, 2, 3, 4, 99]), Words([98, 3, 4, 5, 6])]).tokens == [1, 2, 3, 4, 5, 6]


def test_what_does_not_overlap_is_kept():
    assert joined([Words([1, 2]), Words([3, 4]), Words([])]).tokens == [1, 2, 3, 4]


def test_times_go_with_their_ids():
    one = Words([1, 2, 3], [(0.0, 0.1), (0.1, 0.2), (0.2, 0.3)])
    other = Words([2, 3, 4], [(0.1, 0.2), (0.2, 0.3), (0.3, 0.4)])
    assert joined([one, other]) == Words([1, 2, 3, 4], [(0.0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4)])


def test_segments_get_the_times_around_them(tokenizer):
    first = tokenizer.convert_tokens_to_ids("<|notimestamps|>") + 1
    assembly = Assembly(tokenizer, 0.02, True, languages=True)
    tokens = [first, *ids(tokenizer, "the sea"), first + 50, first + 50, *ids(tokenizer, " and the sand"), first + 120]
    assembly.add(Window(tokens, language="english"))
    assert assembly.result() == {
        "text": "the sea and the sand",
        "chunks": [
            {"language": "english", "timestamp": (0.0, 1.0), "text": "the sea"},
            {"language": "english", "timestamp": (1.0, 2.4), "text": " and the sand"},
        ],
    }


def test_a_text_that_is_cut_off_has_no_end(tokenizer, caplog):
    first = tokenizer.convert_tokens_to_ids("<|notimestamps|>") + 1
    assembly = Assembly(tokenizer, 0.02, True, languages=False)
    assembly.add(Window([first + 5, *ids(tokenizer, "the sea")]))
    assert assembly.result()["chunks"] == [{"timestamp": (0.1, None), "text": "the sea"}]
    assert "The last timestamp is missing" in caplog.text


def test_words_take_the_punctuation_around_them(tokenizer):
    tokens = ids(tokenizer, 'said "the sea" (there), we\'ll')
    words = words_of(tokenizer, Words(tokens, [(i / 10, (i + 1) / 10) for i in range(len(tokens))]), "english")
    assert "".join(text for text, _ in words) == 'said "the sea" (there), we\'ll'
    assert [text.strip() for text, _ in words] == ["said", '"the', 'sea"', "(there),", "we'll"]
    assert [span[0] for _, span in words[1:]] == [span[1] for _, span in words[:-1]]


def test_languages_without_spaces_are_split_by_characters(tokenizer):
    tokens = ids(tokenizer, "日本語")
    assert len(tokens) > 3
    spans = [(float(i), float(i + 1)) for i in range(len(tokens))]
    assert [text for text, _ in words_of(tokenizer, Words(tokens, spans), "japanese")] == ["日", "本", "語"]
    assert len(words_of(tokenizer, Words(tokens, spans), "english")) == 1


def timed(*spans):
    return [{"text": "x", "timestamp": span} for span in spans]


def test_times_that_go_back_are_repaired():
    found = repaired(timed((0.0, 1.0), (0.5, 2.0), (2.0, 1.5), (None, None), (3.0, None), (9.0, 9.5)), 4.0)
    spans = [(0.0, 1.0), (1.0, 2.0), (2.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 4.0)]
    assert [chunk["timestamp"] for chunk in found] == spans
    assert [chunk["timestamp_ok"] for chunk in found] == [True, False, False, False, False, False]


def test_repairs_are_asked_for(pipe):
    found = pipe(NOISE, return_timestamps="word", repair_timestamps=True)
    times = [time for chunk in found["chunks"] for time in chunk["timestamp"]]
    assert times == sorted(times)
    assert times[-1] <= 65.0
    assert "timestamp_ok" not in pipe(NOISE, return_timestamps="word")["chunks"][0]


def test_a_spectrogram_is_the_same_in_pieces():
    extractor = LogMel("WhisperFeatureExtractor", {})
    whole, pieces = (Sound(parts, 16_000) for parts in ([NOISE], np.array_split(NOISE, 23)))
    one, other = (extractor.long(sound, sound.read(480_001)) for sound in (whole, pieces))
    assert one.frames == other.frames == 6500
    assert np.array_equal(one.window(0, 6500).numpy(), other.window(0, 6500).numpy())
    assert np.array_equal(one.window(3000, 700).numpy(), one.window(0, 6500)[:, 3000:3700].numpy())
    assert not one.window(6400, 300)[:, 100:].any()


@pytest.mark.parametrize("length", [1, 159, 16_001, 479_900, 480_000, 500_000])
def test_only_what_sounds_of_a_window_is_kept(length):
    extractor = LogMel("WhisperFeatureExtractor", {})
    samples = np.zeros(480_001, np.float32)
    samples[:length] = NOISE[:480_001][:length]
    padded, own = extractor.short(samples[:480_000]), extractor.short(NOISE[:length])
    assert np.array_equal(padded.window(0, 3000).numpy(), own.window(0, 3000).numpy())
    assert own.stored <= length / 160 + 5


def test_texts_are_told_as_they_grow(pipe):
    events = [event for event in pipe.events([NOISE]) if isinstance(event, Partial | Done)]
    texts = [event.text for event in events[:-1]]
    assert len(texts) > 10
    assert events[-1].result == pipe(NOISE)
    assert texts[-1] == events[-1].result["text"]


def test_beams_tell_the_best_text_so_far(pipe):
    events = [event for event in pipe.events([NOISE], num_beams=2) if isinstance(event, Partial | Done)]
    told = events[:-1]
    assert len(told) > 10
    assert told[-1].text == events[-1].result["text"]
    shares = [event.share for event in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_batches_change_nothing(pipe):
    sounds = [NOISE, NOISE[: 16_000 * 40], NOISE[:16_000]]
    assert pipe(sounds, batch_size=3) == [pipe(one) for one in sounds]


def test_long_sounds_need_no_timestamps(pipe):
    found = pipe(NOISE, return_timestamps=False)
    assert found == {"text": pipe(NOISE)["text"]}


def test_languages_are_told(pipe):
    found = pipe(NOISE[:16_000], return_language=True)
    assert {chunk["language"] for chunk in found["chunks"]} <= {"english", "french", "japanese"}
    named = pipe(NOISE[:16_000], return_language=True, language="fr")
    assert {chunk["language"] for chunk in named["chunks"]} == {"french"}


def test_a_prompt_may_be_a_text(pipe):
    start = pipe.tokenizer.convert_tokens_to_ids("<|startofprev|>")
    given = [start, *ids(pipe.tokenizer, " the sea")]
    assert pipe(NOISE[:16_000], prompt_ids="the sea") == pipe(NOISE[:16_000], prompt_ids=given)


def test_options_that_whisper_lacks_are_refused(pipe):
    with pytest.raises(InputError, match="no times of letters"):
        pipe(NOISE, return_timestamps="char")
    with pytest.raises(InputError, match="no language 'klingon'"):
        pipe(NOISE, language="klingon")
    with pytest.raises(TypeError, match="did you mean 'language'"):
        pipe(NOISE, lanuage="fr")
