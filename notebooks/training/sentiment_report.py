"""How good the demo sentiment model is, beside two yardsticks, and the model card that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from string import Template

from sentiment_data import PACKAGE, SHA256, SOURCES, Text
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

CARD = Template(Path(__file__).with_name("sentiment_card.md").read_text(encoding="utf-8"))
# A text is clearly negative or positive from this mean score on (-4 to 4).
CLEAR = 1.0
COLUMNS = ("texts", "model", "n", "accuracy", "macro F1", "n clear", "clear: right", "clear: opposite")


@dataclass(frozen=True)
class Scores:
    """Shares of right answers, on all and on clear texts, of opposite ones on clear texts; mean F1 of the labels."""

    count: int
    accuracy: float
    macro_f1: float
    clear_count: int
    clear: float
    opposite: float


def scores(found: Sequence[int], texts: Sequence[Text]) -> Scores:
    """Compares predicted labels with what most people said."""
    wanted = [text.label for text in texts]
    right = [one == two for one, two in zip(found, wanted, strict=True)]
    f1 = []
    for label in range(3):
        hits = sum(one == two == label for one, two in zip(found, wanted, strict=True))
        f1.append(2 * hits / max(1, found.count(label) + wanted.count(label)))
    answers = [(answer, text.mean) for answer, text in zip(found, texts, strict=True) if abs(text.mean) >= CLEAR]
    return Scores(
        count=len(texts),
        accuracy=mean(right),
        macro_f1=mean(f1),
        clear_count=len(answers),
        clear=mean(answer == (2 if score > 0 else 0) for answer, score in answers),
        opposite=mean(answer == (0 if score > 0 else 2) for answer, score in answers),
    )


def judged(found: Sequence[int], texts: Sequence[Text]) -> dict[str, Scores]:
    """The scores on all texts and on those of each source."""
    result = {"all": scores(found, texts)}
    for source in SOURCES:
        places = [place for place, text in enumerate(texts) if text.source == source]
        result[source] = scores([found[place] for place in places], [texts[place] for place in places])
    return result


def vader(texts: Sequence[Text]) -> list[int]:
    """Labels by VADER's rules, at the thresholds that its authors give."""
    analyzer = SentimentIntensityAnalyzer()
    compounds = [analyzer.polarity_scores(text.text)["compound"] for text in texts]
    return [0 if compound <= -0.05 else 2 if compound >= 0.05 else 1 for compound in compounds]


def table(results: Mapping[str, Mapping[str, Scores]]) -> str:
    """The results as a Markdown table."""
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    for source in ("all", *SOURCES):
        for model, by_source in results.items():
            row = by_source[source]
            shares = (f"{share:.3f}" for share in (row.clear, row.opposite))
            rows.append(
                (source, model, row.count, f"{row.accuracy:.3f}", f"{row.macro_f1:.3f}", row.clear_count, *shares)
            )
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def card(results: Mapping[str, Mapping[str, Scores]], counts: Mapping[str, int], seed: int, minutes: float) -> str:
    """The model card. counts: texts in each part of the data. minutes: what training took."""
    own, rules = results["this model"], results["VADER"]["all"]
    return CARD.substitute(
        {name: f"{getattr(own['all'], name):.1%}" for name in ("accuracy", "clear", "opposite")},
        count=f"{own['all'].count:,}",
        clear_count=f"{own['all'].clear_count:,}",
        macro_f1=f"{own['all'].macro_f1:.3f}",
        vader_accuracy=f"{rules.accuracy:.1%}",
        vader_macro_f1=f"{rules.macro_f1:.3f}",
        vader_clear=f"{rules.clear:.1%}",
        vader_opposite=f"{rules.opposite:.1%}",
        editorials=f"{own['editorials'].accuracy:.0%}",
        table=table(results),
        train=f"{counts['train']:,}",
        validation=f"{counts['validation']:,}",
        package=PACKAGE,
        sha256=SHA256,
        seed=seed,
        minutes=round(minutes),
    )
