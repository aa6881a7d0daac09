"""Sounds with what is said or heard in them, as their pipelines give it; samples.py shows them."""

import numpy as np

from nbpipes.results import annotate, annotate_batch

META = {"model": "tiny/model", "revision": "0" * 40, "device": "cpu", "dtype": "float32", "seconds": 0.0123}
SPEECH, CLASSES = "automatic-speech-recognition", "audio-classification"
RATE = 8000
SAID = (
    "Ada Lovelace met Charles Babbage in London. They saw the Difference Engine of <b>Clement</b> & Co., "
    "and spoke about it until late. Später schrieb sie 👩🏽‍💻 in Zürich: was für eine Maschine!"
)
STEP = 0.4  # seconds of a word


def voice(seconds, rate=RATE):
    """A tone that swells with each word."""
    at = np.arange(int(seconds * rate)) / rate
    swell = np.abs(np.sin(np.pi * at / STEP)) * (1 + 0.5 * np.sin(at))
    return {"raw": (0.4 * swell * np.sin(2 * np.pi * 150 * at)).astype(np.float32), "sampling_rate": rate}


def timed(texts, step=STEP):
    return [{"text": text, "timestamp": (step * i, step * (i + 1))} for i, text in enumerate(texts)]


def said(texts, source, model="tiny/model"):
    value = {"text": "".join(texts), "chunks": timed(texts)}
    return annotate(value, SPEECH, source, META | {"model": model})


WORDS = [f" {word}" for word in SAID.split()]
source = voice(STEP * len(WORDS))
transcript = said(WORDS, source)
heard_otherwise = said([word for word in WORDS if word not in (" of", " late.")] + [" Truly."], source, "tiny/other")
segments = annotate(
    {
        "text": f" {SAID}",
        "chunks": [
            {"text": " Ada Lovelace met Charles Babbage in London.", "timestamp": (0.0, 2.8), "language": "english"},
            {"text": " They saw the Difference Engine, all of it.", "timestamp": (2.5, 8.0), "language": "english"},
            {"text": " Später schrieb sie in Zürich.", "timestamp": (9.1, None), "language": "german"},
        ],
    },
    SPEECH,
    source,
    META,
)
one_word = said([" Yes."], voice(0.4))
no_times = annotate({"text": f" {SAID}"}, SPEECH, source, META)
no_sound = annotate(dict(transcript), SPEECH, "https://example.com/a <b>talk</b>.mp3", META)


def hour():
    """An hour, of nine thousand words."""
    return said([f" word{i}{'.' if i % 12 == 11 else ''}" for i in range(9000)], voice(3600, 4000))


def scored(window, dog, cat):
    scores = {"dog": dog, "cat": cat, "a thing <i> that has quite a long name": 1 - dog - cat}
    times = {} if window is None else {"timestamp": (window, window + 1.0)}
    return [{"score": score, "label": label} | times for label, score in scores.items()]


pairs = [(0.9, 0.05), (0.8, 0.1), (0.7, 0.2), (0.1, 0.8), (0.05, 0.9), (0.1, 0.2), (0.15, 0.1), (0.6, 0.3), (0.95, 0.0)]
classes = annotate([one for i, pair in enumerate(pairs) for one in scored(float(i), *pair)], CLASSES, source, META)
heard = annotate(scored(None, 0.9, 0.08), CLASSES, voice(1), META)
recordings = annotate_batch(
    [dict(transcript), dict(segments), {"text": " Yes."}, {"text": ""}] * 3,
    SPEECH,
    [source, source, voice(0.4), {"path": "/no/such/<i>file.wav"}] * 3,
    META,
)
