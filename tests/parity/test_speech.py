"""Speech recognition side by side with transformers: tiny models with random weights, random sounds and settings."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbpipes
from nbpipes.processing.audio.filter_bank import FilterBank
from nbpipes.processing.audio.log_mel import LogMel
from nbpipes.processing.audio.sound import Sound
from nbpipes.processing.audio.waves import WaveExtractor

transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
GOLDEN = Path(__file__).parents[1] / "golden"
TASK, RATE = "automatic-speech-recognition", 16_000
FRAMES = (
    "wav2vec2/ctc",
    "wav2vec2/ctc-large",
    "hubert/ctc",
    "wavlm/ctc-large",
    "unispeech-sat/ctc",
    "data2vec-audio/ctc",
)
WRITING = ("whisper/speech", "whisper/speech-english")
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}
SECONDS = st.integers(20, 400).map(lambda hundredths: hundredths / 100)


@functools.cache
def pair(name):
    """A model of the golden cases in both implementations."""
    folder = str(GOLDEN / name)
    fixed = {"device": "cpu", "dtype": torch.float32}
    return nbpipes.pipeline(TASK, folder, **fixed), transformers.pipeline(TASK, folder, **fixed)


def voice(seconds, seed):
    """Syllables of changing pitch, and some noise."""
    draw = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = 100 + 150 * draw.random() + 60 * np.sin(2 * np.pi * (1 + draw.random()) * times)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    loudness = 0.1 + np.sin(2 * np.pi * (1 + 2 * draw.random()) * times) ** 2
    sound = loudness * sum(np.sin(phase * overtone) / overtone for overtone in (1, 2, 3, 5, 8, 13))
    return (0.2 * sound + 0.05 * draw.standard_normal(len(times))).astype(np.float32)


@st.composite
def windows(draw):
    """Lengths of windows and of what in them only gives context, which has to leave something to count."""
    length = draw(st.sampled_from([0.5, 0.8, 1.0, 1.7, 3.0]))
    shares = draw(st.sampled_from([None, 0.0, 0.1, 0.25, (0.3, 0.1), (0.0, 0.2)]))
    if shares is None:
        return {"chunk_length_s": length}
    stride = tuple(share * length for share in shares) if isinstance(shares, tuple) else shares * length
    return {"chunk_length_s": length, "stride_length_s": stride}


@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=25, **QUIET)
@given(SECONDS, st.integers(0, 99), st.one_of(st.just({}), windows()), st.sampled_from([None, "char", "word"]))
def test_letters_and_their_times_are_equal(name, seconds, seed, cut, times):
    ours, theirs = pair(name)
    sound = voice(seconds, seed)
    found, expected = (pipe(sound.copy(), return_timestamps=times, **cut) for pipe in (ours, theirs))
    assert found == expected


BEAMS = {
    "num_beams": st.integers(1, 4),
    "length_penalty": st.sampled_from([0.5, 1.0, 2.0]),
    "no_repeat_ngram_size": st.integers(2, 4),
    "repetition_penalty": st.sampled_from([0.8, 1.3]),
    "max_new_tokens": st.integers(1, 30),
}
MANY = {"language": st.sampled_from(["en", "fr", "ja"]), "task": st.sampled_from(["transcribe", "translate"])}


@pytest.mark.parametrize("name", WRITING)
@settings(max_examples=30, **QUIET)
@given(st.data(), SECONDS, st.integers(0, 99), st.sampled_from([None, True, "word"]))
def test_texts_and_their_times_are_equal(name, data, seconds, seed, times):
    ours, theirs = pair(name)
    optional = BEAMS | ({} if name.endswith("english") else MANY)
    chosen = data.draw(st.fixed_dictionaries({}, optional=optional))
    sound = voice(seconds, seed)
    found = ours(sound.copy(), return_timestamps=times, **chosen)
    assert found == theirs(sound.copy(), return_timestamps=times, generate_kwargs=chosen)


@settings(max_examples=8, **QUIET)
@given(st.integers(31, 70), st.integers(0, 99), st.sampled_from([True, "word"]), st.integers(1, 3), st.booleans())
def test_long_sounds_are_equal(seconds, seed, times, beams, remember):
    ours, theirs = pair("whisper/speech")
    chosen = {"num_beams": beams, "condition_on_prev_tokens": remember, "language": "fr", "temperature": 0.0}
    sound = voice(seconds, seed)
    found = ours(sound.copy(), return_timestamps=times, **chosen)
    assert found == theirs(sound.copy(), return_timestamps=times, generate_kwargs=chosen)


PLAIN = {"wav2vec2/ctc": {}, "whisper/speech": {"generate_kwargs": {"num_beams": 1, "max_new_tokens": 8}}}
FORMS = {
    "doubles": lambda sound: sound.astype(np.float64),
    "tensor": torch.from_numpy,
    "raw": lambda sound: {"raw": sound, "sampling_rate": RATE},
    "data set": lambda sound: {"array": sound, "sampling_rate": RATE, "path": None},
    "what else a dict holds": lambda sound: {"raw": sound, "sampling_rate": RATE, "partial": True, "speaker": 2},
    "stride": lambda sound: {"raw": sound, "sampling_rate": RATE, "stride": (1600, 800)},
    "channels": lambda sound: np.stack([sound, sound / 2]),
    "list": lambda sound: [sound, sound[:RATE]],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["wav2vec2/ctc", "whisper/speech"])
def test_forms_are_heard_alike(name, form):
    ours, theirs = pair(name)
    found, wanted = (pipe(FORMS[form](voice(2, 3)), **PLAIN[name]) for pipe in (ours, theirs))
    assert found == wanted


def recorded(seconds, stream):
    """What a microphone gives: pieces that overlap, and, if wanted, each piece while it grows."""
    data, size, stride = voice(seconds, 4).tobytes(), 4 * RATE, (RATE, RATE // 2)
    parts = (data[start : start + 6400] for start in range(0, len(data), 6400))
    for item in transformers.pipelines.audio_utils.chunk_bytes_iter(parts, size, stride, stream):
        left, right = item["stride"]
        samples = np.frombuffer(item["raw"], np.float32)
        yield item | {"raw": samples, "stride": (left // 4, right // 4), "sampling_rate": RATE}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("cut", [{}, {"chunk_length_s": 0.6, "stride_length_s": 0.1}], ids=["whole", "windows"])
@pytest.mark.parametrize("name", ["wav2vec2/ctc", "whisper/speech"])
def test_what_a_microphone_gives_is_heard_alike(name, cut, stream):
    ours, theirs = pair(name)
    found, wanted = (list(pipe(recorded(2.3, stream), **cut, **PLAIN[name])) for pipe in (ours, theirs))
    assert found == wanted


@pytest.mark.parametrize("seconds", [3, 40])
@pytest.mark.parametrize("condition", [None, "first-segment", "all-segments"])
def test_prompts_are_equal(condition, seconds):
    ours, theirs = pair("whisper/speech")
    chosen = {"num_beams": 1, "temperature": 0.0, "prompt_ids": theirs.tokenizer.get_prompt_ids("hello", "pt")}
    if condition is not None:
        chosen |= {"prompt_condition_type": condition, "condition_on_prev_tokens": condition == "all-segments"}
    found, wanted = (
        pipe(voice(seconds, 5), return_timestamps=True, generate_kwargs=dict(chosen)) for pipe in (ours, theirs)
    )
    assert found == wanted


EXTRACTORS = (
    (WaveExtractor, "Wav2Vec2FeatureExtractor", {"do_normalize": True}),
    (WaveExtractor, "Wav2Vec2FeatureExtractor", {"do_normalize": False}),
    (FilterBank, "ASTFeatureExtractor", {}),
    (FilterBank, "ASTFeatureExtractor", {"num_mel_bins": 64, "max_length": 300, "do_normalize": False}),
    (LogMel, "WhisperFeatureExtractor", {"feature_size": 80}),
    (LogMel, "WhisperFeatureExtractor", {"feature_size": 128}),
)


@pytest.mark.parametrize(("extractor", "kind", "raw"), EXTRACTORS)
@pytest.mark.parametrize("seconds", [0.03, 1.0, 12.3, 30.0])
def test_features_are_equal(extractor, kind, raw, seconds):
    sound = voice(seconds, 1)
    wanted = getattr(transformers, kind)(**raw)(sound, sampling_rate=RATE, return_tensors="np")
    np.testing.assert_allclose(extractor(kind, raw).prepare(sound), next(iter(wanted.values()))[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("mels", [80, 128])
@pytest.mark.parametrize("seconds", [30.01, 61.7])
def test_long_spectrograms_are_equal(mels, seconds):
    raw, samples = {"feature_size": mels}, voice(seconds, 2)
    theirs = transformers.WhisperFeatureExtractor(**raw)
    [wanted] = theirs(samples, sampling_rate=RATE, truncation=False, padding="longest", return_tensors="np").values()
    ours, sound = LogMel("WhisperFeatureExtractor", raw), Sound([samples], RATE)
    found = ours.long(sound, sound.read(ours.samples + 1))
    assert found.frames == wanted.shape[-1]
    np.testing.assert_allclose(found.window(0, found.frames).numpy(), wanted[0], atol=1e-5, rtol=0)
