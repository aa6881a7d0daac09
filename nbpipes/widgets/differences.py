"""Where two results of one task on the same input differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbpipes.display import boxes, depth, kit, masks
from nbpipes.display.tags import Rect
from nbpipes.display.transcript import clock
from nbpipes.results.speech import times_of
from nbpipes.widgets import entities, labels, sounds
from nbpipes.widgets import text as texts
from nbpipes.widgets.view import text

ROWS = 500
"""Differences that are listed."""
HEADS = {
    "spans": "entity",
    "scores": "label",
    "image_labels": "label",
    "sounds": "label",
    "blanks": "blank",
    "boxes": "object",
    "masks": "label",
    "depth": "depth",
}
"""What stands above the things that results differ in; texts and answers have a rank."""
Said = Mapping[str, str]
"""What a result says, by what it says it of."""


def differences(module: str, left: Any, right: Any) -> dict[str, Any]:
    """What both say: rows of what it is said of, both answers, and whether they are the same.

    module: of the display that draws them.
    """
    said = _objects(left, right) if module == "boxes" else [_said(module, result) for result in (left, right)]
    rows = []
    for key in list(dict.fromkeys([*said[0], *said[1]]))[:ROWS]:
        answers = [side.get(key) for side in said]
        same = answers[0] is not None and answers[0] == answers[1]
        rows.append({"what": key, "left": answers[0], "right": answers[1], "same": same})
    return {"head": HEADS.get(module, "rank"), "rows": rows}


def _said(module: str, result: Any) -> Said:
    match module:
        case "spans":
            return _entities(result)
        case "sounds":
            return _heard(result)
        case "scores" | "image_labels":
            pairs = [(text(part["label"], 200), part["score"]) for part in labels.parts_of(result)]
            return {label: f"{score:.2f}" if kit.is_score(score) else "" for label, score in pairs}
        case "blanks":
            masks = result if result and isinstance(result[0], list) else [result]
            words = [", ".join(text(entry.get("token_str"), 40) for entry in mask[:3]) for mask in masks]
            return _numbered(words)
        case "text":
            return _numbered(
                [text(next(entry[key] for key in texts.KEYS if key in entry)) for entry in texts.written(result)]
            )
        case "answers" | "document":
            found = result if isinstance(result, list) else [result]
            return _numbered([text(entry.get("answer") or "no answer") for entry in found])
        case "masks":
            return _areas(result)
        case "depth":
            depths = depth.depths_of(result)
            facts = () if depths is None else (("least", depths.min()), ("largest", depths.max()))
            return {name: f"{float(fact):.4g}" for name, fact in facts}
    return {}


def _entities(result: Any) -> Said:
    """The labels of entities by their words, which get the place where they stand if they stand twice."""
    parts = entities.parts_of(result)
    described = entities.describe(result, result.source)["entities"]
    words = [entity["word"] for entity in described]
    return {
        entity["word"] if words.count(entity["word"]) == 1 else f"{entity['word']} ({part.get('start')})": entity[
            "label"
        ]
        for entity, part in zip(described, parts, strict=False)
    }


def _heard(result: Any) -> Said:
    """The scores of a sound's labels, or what is heard best in each of its windows."""
    windows: dict[Any, dict[str, float]] = {}
    for part in sounds.parts_of(result):
        window = windows.setdefault(times_of(part), {})
        window[text(str(part.get("label")), 200)] = part["score"] if kit.is_score(part.get("score")) else 0.0
    if list(windows) == [(None, None)]:
        return {label: f"{score:.2f}" for label, score in windows[None, None].items()}
    best = {times: max(scores, key=lambda label: scores[label]) for times, scores in windows.items()}
    return {" – ".join(map(clock, times)): label for times, label in best.items()}


def _areas(result: Any) -> Said:
    """The share of the picture that the regions of each label take."""
    shares: dict[str, float] = {}
    for one in masks.found_in(result):
        label = text(one.label, 200)
        shares[label] = shares.get(label, 0.0) + masks.area(one.mask)
    return {label: f"{100 * share:.1f} %" for label, share in shares.items()}


def _objects(left: Any, right: Any) -> list[Said]:
    """The labels of objects by where they are. What overlaps by more than a half is one object, seen by both."""
    free = [one for one in boxes.found_in(right)[:ROWS] if one.rect]
    said: list[dict[str, str]] = [{}, {}]
    for one in boxes.found_in(left)[:ROWS]:
        if not one.rect:
            continue
        place = _place(one.rect, said[0])
        said[0][place] = text(one.label, 200)
        best = max(free, key=lambda other, rect=one.rect: _overlap(rect, other.rect), default=None)
        if best is not None and _overlap(one.rect, best.rect) > 0.5:
            free.remove(best)
            said[1][place] = text(best.label, 200)
    for other in free:
        said[1][_place(other.rect, said[0] | said[1])] = text(other.label, 200)
    return list(said)


def _place(rect: Rect | None, taken: Said) -> str:
    left, top, right, bottom = rect or (0.0, 0.0, 0.0, 0.0)
    place = f"x {left:g}–{right:g}, y {top:g}–{bottom:g}"
    while place in taken:  # two objects in one place
        place += "′"
    return place


def _overlap(one: Rect | None, other: Rect | None) -> float:
    """The share of the area that two rectangles take together, that both take."""
    if one is None or other is None:
        return 0.0
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    both = max(across, 0.0) * max(down, 0.0)
    whole = sum(max(rect[2] - rect[0], 0.0) * max(rect[3] - rect[1], 0.0) for rect in (one, other)) - both
    return both / whole if whole > 0 else 0.0


def _numbered(answers: Sequence[str]) -> Said:
    return {str(number): answer for number, answer in enumerate(answers, 1)}
