"""Short everyday sentences with a known leaning, made from word scores: plain, stressed, negated, contrasted, neutral.

The scored texts are long and worldly; people who try a demo type "I love this!" or "not bad at all".
"""

import random
import re
import tomllib
from collections.abc import Sequence
from math import erf, sqrt
from pathlib import Path
from statistics import mean

Shares = tuple[float, float, float]
Scored = tuple[str, float]

TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
THINGS, PEOPLE, DESCRIBING, FEELING, DOING, STRESS, COLOURS = (
    TABLES[name].split() for name in ("things", "people", "describing", "feeling", "doing", "stress", "colours")
)
FACES: dict[str, float] = TABLES["faces"]


def phrases(lexicon: dict[str, list[int]], count: int, chance: random.Random) -> list[tuple[str, Shares]]:
    """`count` sentences with the shares of people who would find them negative, neutral, positive."""
    writer = Writer(lexicon, chance)
    weights = {"plain": 5, "negated": 2, "felt": 3, "done": 3, "contrasted": 3, "said": 4, "neutral": 4, "among": 8}
    kinds = chance.choices(list(weights), list(weights.values()), k=count)
    return [writer.ended(*getattr(writer, kind)()) for kind in kinds]


def shares(score: float) -> Shares:
    """How many of many people would call a sentence of this mean score (-4 to 4) negative, neutral and positive."""
    # People agree on plain statements and differ more the stronger the words are.
    spread = 0.35 + 0.25 * abs(score)

    def below(value: float) -> float:
        return 0.5 + 0.5 * erf((value - score) / spread / sqrt(2))

    return below(-0.5), below(0.5) - below(-0.5), 1 - below(0.5)


class Writer:
    """Writes one sentence of each kind at random, with its score (-4 to 4)."""

    def __init__(self, lexicon: dict[str, list[int]], chance: random.Random) -> None:
        scores = {word: mean(given) for word, given in lexicon.items()} | TABLES["added"]
        self.describing = [(word, scores[word]) for word in (*DESCRIBING, *TABLES["added"]) if word in scores]
        self.feeling = [(word, scores[word]) for word in FEELING if word in scores]
        self.doing = [(word, scores[word]) for word in DOING if word in scores]
        self.words = [(word, score) for word, score in scores.items() if word.isalpha()]
        self.pick, self.chance = chance.choice, chance

    def plain(self) -> Scored:
        """A thing and how it is."""
        word, score = self.stressed(self.describing)
        thing, subject = self.pick(THINGS), self.subject()
        frames = [f"{subject} {word}", f"{subject} {word}", word, f"{word} {thing}", f"what a {word} {thing}"]
        frames += [
            f"such a {word} {thing}",
            f"we had a {word} {thing}",
            f"{word} {thing} and {word} {self.pick(PEOPLE)}",
        ]
        return self.pick(frames), score

    def negated(self) -> Scored:
        """A thing and how it is not: good becomes bad, bad becomes mildly good, and awful hardly more than neutral."""
        word, score = self.pick(self.describing)
        turned = -0.75 * score if score > -2.2 else 0.4
        return f"{self.subject()} {self.pick(TABLES['not'])} {word}", min(1.2, turned)

    def felt(self) -> Scored:
        """How somebody feels."""
        about = self.pick(["", "", f" with the {self.pick(THINGS)}", " about this", " today", " right now"])
        if self.chance.random() < 0.25:
            word, score = self.pick(self.feeling)
            return f"I'm {self.pick(['not', 'not very', 'not really'])} {word}{about}", -0.7 * score
        word, score = self.stressed(self.feeling)
        start = self.pick(["I am", "I am", "I was", "I feel", "We are", "She was", "This makes me"])
        return f"{start} {word}{about}", score

    def done(self) -> Scored:
        """What somebody loves, hates, enjoys."""
        word, score = self.pick(self.doing)
        thing = self.pick(THINGS)
        what = self.pick(["this", "it", "you", f"this {thing}", f"the {thing}", "Mondays"])
        if self.chance.random() < 0.35:
            return f"I {self.pick(TABLES['not_do'])} {word} {what}", -0.8 * score if score > 0 else 0.8
        stress = self.pick(["", "", "", "really ", "absolutely ", "just ", "totally ", "so "])
        return f"{self.pick(['I', 'I', 'I', 'We', 'My kids'])} {stress}{word} {what}", score * 1.1

    def contrasted(self) -> Scored:
        """Two judgements; the one after "but" counts for more."""
        (first, one), (second, two) = self.pick(self.describing), self.pick(self.describing)
        thing, other = self.chance.sample(THINGS, 2)
        if one * two > 0:
            return f"The {thing} was {first} and the {other} was {second}", (one + two) / 1.7
        joined = self.pick([", but", " but", "; however"])
        return f"The {thing} was {first}{joined} the {other} was {second}", 0.5 * one + 0.9 * two

    def said(self) -> Scored:
        """A saying, at times after a plain sentence of the same leaning."""
        text, score = self.pick(list(TABLES["sayings"].items()))
        before, leaning = self.plain()
        if leaning * score > 0 and self.chance.random() < 0.5:
            return f"{before}, {text}", (score + leaning) / 1.6
        return text, score

    def among(self) -> Scored:
        """Any scored word, whatever its kind, somewhere among words that say little; at times negated."""
        word, score = self.pick(self.words)
        if self.chance.random() < 0.15:
            word, score = f"{self.pick(['not', 'no', 'never', 'without', 'hardly any'])} {word}", -0.6 * score
        rest = [
            f"the {self.pick(THINGS)}",
            self.pick(TABLES["places"]),
            self.pick(TABLES["times"]),
            "and",
            "of it",
            "for",
        ]
        rest = self.chance.sample(rest, self.chance.randint(1, 4))
        place = self.chance.randint(0, len(rest))
        return " ".join([*rest[:place], word, *rest[place:]]), 0.9 * score

    def neutral(self) -> Scored:
        """A statement or question that praises and blames nothing."""
        name, name2 = self.chance.sample(TABLES["names"], 2)
        thing, colour, number = self.pick(THINGS), self.pick(COLOURS), self.chance.randint(2, 99)
        place, time = self.pick(TABLES["places"]), self.pick(TABLES["times"])
        text = self.pick(TABLES["neutral"])
        return text.format(
            name=name, name2=name2, thing=thing, colour=colour, number=number, place=place, time=time
        ), 0.0

    def stressed(self, words: Sequence[Scored]) -> Scored:
        """One of the words, at times with an adverb before it that makes it stronger."""
        word, score = self.pick(words)
        return (word, score) if self.chance.random() < 0.6 else (f"{self.pick(STRESS)} {word}", score * 1.15)

    def subject(self) -> str:
        """What a sentence is about, with its verb."""
        whose = self.pick(["The", "The", "This", "That", "My", "Our", "Your", "His"])
        named = f"{whose} {self.pick(THINGS + PEOPLE)} {self.pick(['is', 'was'])}"
        return self.pick([named, "It is", "It was", "It's", "This is", "That was"])

    def ended(self, text: str, score: float) -> tuple[str, Shares]:
        """The text as people type it, ended by punctuation or, where that fits its leaning, by a face."""
        text = self.typed(text)
        if text[-1] in "?!.":
            return text, shares(score)
        if abs(score) > 0.8 and self.chance.random() < 0.15:
            face = self.pick([face for face, value in FACES.items() if value * score > 0])
            return f"{text} {face}", shares(score * 1.1)
        smile = [] if abs(score) <= 0.8 else [" :)"] if score > 0 else [" :("]
        return text + self.pick(["", "", "", ".", ".", ".", "!", "!!", "...", *smile]), shares(score)

    def typed(self, text: str) -> str:
        """The text with or without a capital, at times with short forms spelt out or run together."""
        if self.chance.random() < 0.15:
            text = text.replace("n't", " not").replace("ca not", "cannot").replace("wo not", "will not")
        elif self.chance.random() < 0.1:
            text = text.replace("'", "")
        text = re.sub(r"\ba (?=[aeiou])", "an ", text)
        return text[0].upper() + text[1:] if self.chance.random() < 0.7 else text
