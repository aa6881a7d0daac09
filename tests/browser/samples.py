"""Results of every kind, as pipelines give them; notebooks of the tests import this file."""

import numpy as np
import sample_pages
import sample_sounds
import torch
from PIL import Image, ImageDraw

from nbpipes.engine.options import Options
from nbpipes.results import Record, annotate, annotate_batch
from nbpipes.results.makers import remember
from nbpipes.results.pictures import picture_of
from nbpipes.widgets.chat import Chat, Said, describe

META = {"model": "tiny/model", "revision": "0" * 40, "device": "cpu", "dtype": "float32", "seconds": 0.0123}
STORY = (
    "Ada Lovelace 👩🏽‍💻 met Charles Babbage in London; on 5 June 1833 they saw the Difference Engine of Clement & Co. "
    "Später schrieb sie in Zürich."
)


def entity(text, label, word, score):
    start = text.index(word)
    return {"entity_group": label, "score": score, "word": word, "start": start, "end": start + len(word)}


def tagged(text, *found):
    return annotate([entity(text, *one) for one in found], "token-classification", text, dict(META))


entities = tagged(
    STORY,
    ("PER", "Ada Lovelace", 0.998),
    ("PER", "Charles Babbage", 0.992),
    ("LOC", "London", 0.87),
    ("DATE", "5 June 1833", 0.41),
    ("MISC", "Difference Engine", 0.77),
    ("ORG", "Clement & Co.", 0.63),
    ("LOC", "Zürich", 0.95),
)
nested = tagged(
    "The University of California Berkeley Department of Physics, said Nature.",
    ("ORG", "The University of California Berkeley Department of Physics", 0.9),
    ("LOC", "California", 0.97),
    ("ORG", "University of California Berkeley", 0.88),
    ("LOC", "Berkeley", 0.93),
    ("ORG", "Nature", 0.6),
)
arabic = tagged(
    "زار أحمد زويل مدينة القاهرة في مصر.", ("PER", "أحمد زويل", 0.99), ("LOC", "القاهرة", 0.98), ("LOC", "مصر", 0.4)
)
nothing = annotate([], "token-classification", "Nothing is named here.", dict(META))

SENTENCE = "The Difference Engine computes tables by finite differences, and does so without a mistake. "
huge = tagged(SENTENCE * 400, ("MISC", "Difference Engine", 0.9))
huge.extend(
    {
        "entity_group": ("MISC", "ACT")[i % 2],
        "score": 0.5 + (i % 50) / 100,
        "word": word,
        "start": at,
        "end": at + len(word),
    }
    for i in range(1, 400)
    for word in [("Difference Engine", "computes")[i % 2]]
    for at in [len(SENTENCE) * i + SENTENCE.index(word)]
)

labels = annotate(
    [
        {"label": label, "score": score}
        for label, score in (("joy", 0.71), ("surprise", 0.18), ("anger", 0.06), ("fear", 0.05))
    ],
    "text-classification",
    "What a wonderful surprise!",
    dict(META),
)
topics = annotate(
    {
        "sequence": "The bank raised its rates by a quarter of a point.",
        "labels": ["economy", "politics", "world", "sport"],
        "scores": [0.97, 0.61, 0.34, 0.02],
    },
    "zero-shot-classification",
    "The bank raised its rates by a quarter of a point.",
    dict(META),
)
CONTEXT = (SENTENCE * 12) + "It was built by Charles Babbage 🛠️ in London. " + (SENTENCE * 12)


def found(answer, score):
    start = CONTEXT.index(answer)
    return {"answer": answer, "score": score, "start": start, "end": start + len(answer)}


answers = annotate(
    [found("Charles Babbage", 0.91), found("London", 0.05), {"answer": "", "score": 0.01, "start": 0, "end": 0}],
    "question-answering",
    {"question": "Who built the Difference Engine?", "context": CONTEXT},
    dict(META),
)


def candidates(*words):
    return [
        {"token_str": word, "score": score, "token": 7, "sequence": f"… {word} …"}
        for word, score in zip(words, (0.62, 0.21, 0.08), strict=True)
    ]


blanks = annotate(
    [candidates("capital", "heart", "center"), candidates("France", "Europe", "Gaul")],
    "fill-mask",
    "Paris is the [MASK] of [MASK], and always was.",
    dict(META),
)
TOPICS = ["cats", "dogs", "the bank", "interest rates", "football", "a goal in the last minute", "the weather", "rain"]
rng = np.random.default_rng(3)
centres = rng.normal(size=(4, 24))
vectors = annotate_batch(
    [[(centres[i // 2] + 0.5 * rng.normal(size=24)).tolist()] for i in range(8)],
    "feature-extraction",
    TOPICS,
    dict(META),
)
vector = annotate([rng.normal(size=64).tolist()], "feature-extraction", "One text alone.", dict(META))
written = annotate(
    [{"generated_text": f"Once upon a time there was {what}."} for what in ("a king", "an engine that counted")],
    "text-generation",
    "Once upon a time",
    dict(META),
)
chat = annotate(
    [
        {
            "generated_text": [
                {"role": "system", "content": "You are terse."},
                {"role": "user", "content": "Who wrote the first program?"},
                {"role": "assistant", "content": "Ada Lovelace, for the Analytical Engine, in 1843."},
            ]
        }
    ],
    "text-generation",
    "Who wrote the first program?",
    dict(META),
)


def moods(count):
    texts = [
        f"Review {i}: {'a warm and moving film' if i % 3 else 'a dull, long evening'} ({i * 7919 % 101})"
        for i in range(count)
    ]
    scores = [(i * 7919 % 101) / 100 for i in range(count)]
    results = [
        [
            {"label": "positive", "score": score},
            {"label": "neutral", "score": (1 - score) * 0.25},
            {"label": "negative", "score": (1 - score) * 0.75},
        ]
        for score in scores
    ]
    return annotate_batch(results, "text-classification", texts, dict(META))


many = moods(1000)
people = annotate_batch(
    [
        [entity(t, "PER", t.split()[0], 0.9), entity(t, "LOC", t.split()[-1], 0.8)]
        for t in (f"{n} lives in {p}" for n in ("Ada", "Alan", "Grace") for p in ("London", "Paris", "Rome"))
    ],
    "token-classification",
    [f"{n} lives in {p}" for n in ("Ada", "Alan", "Grace") for p in ("London", "Paris", "Rome")],
    dict(META),
)
other = tagged(
    STORY,
    ("PER", "Ada Lovelace", 0.98),
    ("ORG", "Charles Babbage", 0.52),
    ("LOC", "London", 0.9),
    ("LOC", "Zürich", 0.95),
)
other.meta["model"] = "tiny/other"


def scene(width=640, height=427):
    """A picture of a beach: sky, sea, sand, and a ball for each of its colours."""
    rows = np.linspace(0, 1, height)[:, None, None]
    sky, sea, sand = ([120, 180, 235], [20, 90, 150], [222, 196, 140])
    array = np.where(rows < 0.45, sky, np.where(rows < 0.65, sea, sand)) + 25 * np.sin(rows * 40)
    image = Image.fromarray(np.broadcast_to(array.clip(0, 255), (height, width, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for left, top, side, colour in BALLS:
        draw.ellipse((left, top, left + side, top + side), fill=colour)
    return image


BALLS = [(60, 250, 130, "#c0392b"), (240, 300, 90, "#2e86c1"), (420, 220, 170, "#27ae60"), (330, 60, 50, "#f4d03f")]
beach = scene()


def found_at(label, score, left, top, right, bottom):
    return {"score": score, "label": label, "box": {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom}}


def region_of(label, score, left, top, right, bottom):
    mask = Image.new("L", beach.size)
    ImageDraw.Draw(mask).ellipse((left, top, right, bottom), fill=255)
    return {"score": score, "label": label, "mask": mask}


def band(label, top, bottom):
    mask = Image.new("L", beach.size)
    mask.paste(255, (0, top, beach.width, bottom))
    return {"score": None, "label": label, "mask": mask}


boxes = annotate(
    [
        *(found_at("ball", 0.99 - 0.1 * i, x, y, x + side, y + side) for i, (x, y, side, _) in enumerate(BALLS[:3])),
        found_at("sun", 0.93, 330, 60, 380, 110),
        found_at("beach", 0.55, -4, 277, 643, 427),
        found_at("kite <b>", 0.31, 480, 30, 560, 90),
    ],
    "object-detection",
    beach,
    dict(META),
)
no_boxes = annotate([], "object-detection", beach, dict(META))
WORDS = ("person", "umbrella", "dog", "ball", "towel", "boat", "bird", "kite", "cup", "book")
PLACES = [(7 + i % 20 * 31, 190 + i // 20 * 22) for i in range(200)]
crowd = annotate(
    [
        found_at(WORDS[i % 10], 0.3 + (i * 37 % 70) / 100, x, y, x + 20 + i % 13, y + 30 + i % 11)
        for i, (x, y) in enumerate(PLACES)
    ],
    "object-detection",
    beach,
    dict(META),
)
without_picture = annotate(list(boxes), "object-detection", "https://example.com/beach.jpg", dict(META))
masks = annotate(
    [
        *(region_of("ball", 0.98 - 0.2 * i, x, y, x + side, y + side) for i, (x, y, side, _) in enumerate(BALLS[:3])),
        region_of("sun", 0.93, 330, 60, 380, 110),
        band("sky", 0, 192),
        band("sea", 192, 277),
        band("sand", 277, 427),
    ],
    "image-segmentation",
    beach,
    dict(META),
)
down, across = np.mgrid[0:427, 0:640]
depth = annotate(
    {"predicted_depth": torch.from_numpy(2 + 8 * (down / 427) ** 2 + across / 640), "depth": beach.convert("L")},
    "depth-estimation",
    beach,
    dict(META),
)


def echo(messages, stopping):
    """Answers like a model, slowly."""
    words = f"You said: {messages[-1]['content']}"
    for end in range(1, len(words)):
        if stopping.wait(0.02):
            break
        yield Said(words[:end], end // 4)
    yield Said(words[: end + 1], len(words) // 4, 0.02 * len(words))


def talk():
    return Chat(chat, describe(chat, None), dict(META), answer=echo)


scored = annotate(
    [
        {
            "generated_text": "The capital of France is Paris, I think.",
            "tokens": [
                {"text": word, "score": score}
                for word, score in (
                    (" is", 0.93),
                    (" Paris", 0.71),
                    (",", 0.22),
                    (" I", 0.4),
                    (" think", 0.08),
                    (".", 0.99),
                )
            ],
        }
    ],
    "text-generation",
    "The capital of France",
    dict(META),
)
summary = annotate([{"summary_text": "It was a long story."}], "summarization", SENTENCE * 6, dict(META))
guesses = annotate(
    [{"label": label, "score": s} for label, s in (("seashore", 0.61), ("beach ball", 0.3), ("kite <i>", 0.05))],
    "image-classification",
    beach,
    dict(META),
)
stars = {
    "Repository": ["Transformers 🤗", *(f"Repository {i}" for i in range(1, 4999)), "<b>Last</b>"],
    "Stars": [36542, *(i * 37 % 5000 for i in range(1, 5000))],
    "Language": ["Python", *("Rust, Python and NodeJS" if i % 7 else None for i in range(1, 5000))],
}
cells = annotate(
    [
        Record(
            {"answer": "SUM > 36542, 2923", "coordinates": [(0, 1), (79, 1)], "cells": ["36542", "2923"]}
            | {"aggregator": "SUM"},
            meta={"read": "5,000 rows were read in 80 windows; 83 with possible answers were read again together"},
        ),
        {"answer": "<b>Last</b>", "coordinates": [(4999, 0)], "cells": ["<b>Last</b>"], "aggregator": "NONE"},
        {"answer": "AVERAGE > ", "coordinates": [], "cells": [], "aggregator": "AVERAGE"},
    ],
    "table-question-answering",
    {"table": stars, "query": ["How many stars in total?", "Which is the last?", "What is the average height?"]},
    dict(META),
)

album = annotate_batch(
    [
        [found_at("ball", 0.9, *BALLS[0][:2], 190, 380)] * (i % 4) + [found_at("sun", 0.9, 330, 60, 380, 110)]
        for i in range(60)
    ],
    "object-detection",
    [beach] * 60,
    dict(META),
)

other_boxes = annotate(
    [
        *(found_at("ball", 0.9, x + 2, y - 3, x + side, y + side) for x, y, side, _ in BALLS[:3]),
        found_at("moon", 0.7, 332, 58, 381, 110),
        found_at("bird", 0.4, 100, 40, 150, 80),
    ],
    "object-detection",
    beach,
    {**META, "model": "tiny/other"},
)


page, page_alone, dense_page = sample_pages.page, sample_pages.page_alone, sample_pages.dense
no_answer, no_page = sample_pages.no_answer, sample_pages.no_page
pages = annotate_batch([page, page_alone, no_page], page.task, [page.source, page_alone.source, no_page.source], META)


class Detector:
    """Finds one thing, as large as the picture; what a playground needs of a pipeline."""

    kind = task = "object-detection"
    meta = META
    options_class, options = Options, Options()

    def events(self):
        raise NotImplementedError

    def __call__(self, item):
        size = picture_of(item).size
        return annotate([found_at("all", 0.9, 0, 0, *size)], self.kind, item, dict(META))


class Listener(Detector):
    """Tells how many bytes a sound has."""

    kind = task = "automatic-speech-recognition"

    def __call__(self, item):
        return annotate({"text": f"{len(item):,} bytes"}, self.kind, item, dict(META))


class Guesser:
    """Scores labels by their lengths."""

    kind, meta = "zero-shot-image-classification", META

    def __call__(self, item, candidate_labels):
        whole = sum(map(len, candidate_labels))
        found = [{"score": len(label) / whole, "label": label} for label in candidate_labels]
        return annotate(found, self.kind, item, dict(META))


guesser = Guesser()


def zero_shot():
    remember(guesser)
    return guesser(beach, ["a beach", "a street"])


transcript, segments, one_word = sample_sounds.transcript, sample_sounds.segments, sample_sounds.one_word
no_times, no_sound, hour = sample_sounds.no_times, sample_sounds.no_sound, sample_sounds.hour
classes, heard, recordings = sample_sounds.classes, sample_sounds.heard, sample_sounds.recordings
heard_otherwise, SAID = sample_sounds.heard_otherwise, sample_sounds.SAID
