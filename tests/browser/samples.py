"""Results of every kind, as pipelines give them; notebooks of the tests import this file."""

import numpy as np

from nbpipes.results import annotate, annotate_batch

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
