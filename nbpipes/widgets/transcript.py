"""The view of what is said in a sound (automatic-speech-recognition): a player whose text follows along."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from traitlets import Unicode

from nbpipes.display.transcript import clock
from nbpipes.results.sounds import rate_of
from nbpipes.results.speech import Piece, chunks_of, cues, lines, pieces_of
from nbpipes.widgets import playing
from nbpipes.widgets.assets import bundle
from nbpipes.widgets.view import ENTRIES, prose, text


class Transcript(playing.SoundView):
    """A sound with its text: words are sought, found, selected and repeated. selected: of the result's "chunks"."""

    name: ClassVar[str] = "transcript"
    _esm = Unicode(bundle("transcript")).tag(sync=True)

    def parts(self) -> Sequence[Any]:
        return parts_of(self.result)


def parts_of(value: Any) -> Sequence[Any]:
    """The chunks with times."""
    return chunks_of(value)


def describe(value: Any, source: Any) -> dict[str, Any] | None:
    """What the front end draws: the sound, and the text; its pieces where they have times, else as it is.

    lines, cues: how many pieces each line of the text, and each subtitle, has. None for what is no transcript.
    """
    whole = value.get("text") if isinstance(value, Mapping) else None
    if not isinstance(whole, str):
        return None
    pieces = pieces_of(value)
    shown = pieces[:ENTRIES]
    heard = playing.sound(source, rate_of(value))
    words = len(whole.split())
    said = f"{words:,} word{'' if words == 1 else 's'}"
    return {
        "about": f"Transcript: {said}, {clock(heard['seconds'])}" if heard["seconds"] else f"Transcript: {said}",
        "sound": heard,
        **prose(None if pieces else whole.strip()),
        "pieces": _columns(shown),
        "lines": [len(line) for line in lines(shown)],
        "cues": [len(cue) for cue in cues(shown)],
        "left_out": len(pieces) - len(shown),
    }


def _columns(pieces: Sequence[Piece]) -> dict[str, list[Any]]:
    """Of many pieces, each kind of fact as a list: an hour has ten thousand words."""
    return {
        "texts": [text(piece.text) for piece in pieces],
        "starts": [piece.start for piece in pieces],
        "ends": [piece.end for piece in pieces],
        "languages": [text(piece.language, 20) for piece in pieces] if any(p.language for p in pieces) else [],
        "repaired": [number for number, piece in enumerate(pieces) if piece.repaired],
    }
