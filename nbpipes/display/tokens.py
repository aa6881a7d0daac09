"""Texts whose tokens show how likely each of them was when it was chosen."""

from collections.abc import Mapping
from html import escape
from typing import Any

from nbpipes.display import kit

HUE = "238,136,102"
"""Of tokens that were unlikely, as red, green and blue."""
STEPS = 5
"""Shades, so that neighbours of one shade make one span; the words of the line below say what they mean."""
LEGEND = "the stronger the colour, the less likely the token was"


def pieces_of(entry: Any) -> list[tuple[str, float]]:
    """Texts and scores of an answer's tokens; none where it does not tell, or tells something else."""
    found = entry.get("tokens") if isinstance(entry, Mapping) else None
    pieces = []
    for token in found if isinstance(found, list) else ():
        if not (isinstance(token, Mapping) and isinstance(token.get("text"), str) and kit.is_score(token.get("score"))):
            return []
        pieces.append((token["text"], kit.share(token["score"])))
    return pieces


def coloured(pieces: list[tuple[str, float]], room: int) -> str:
    """Return the text of tokens, each on a colour for its score, and a line that says what colours mean."""
    legend = f'<div style="{kit.MUTED}">{LEGEND}: '
    legend += "".join(
        f'<span style="{_shade(score)};padding:0 .4em">{score:.2f}</span> ' for score in (1.0, 0.75, 0.5, 0.25, 0.0)
    )
    legend += "</div>"
    taken = kit.fit((_span(text, score) for text, score in pieces), room - kit.size(legend) - 100, len(pieces))
    return "".join(taken) + kit.more(len(pieces) - len(taken), "token") + legend


def _span(text: str, score: float) -> str:
    html = escape(kit.safe(text)).replace("\r", "&#13;").replace("\n", "<br>")
    return f'<span style="{_shade(score)}">{html}</span>' if _shade(score) else html


def _shade(score: float) -> str:
    step = round((1 - score) * STEPS)
    return f"background:rgba({HUE},{0.6 * step / STEPS:.2f})" if step else ""
