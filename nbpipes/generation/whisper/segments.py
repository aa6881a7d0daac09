"""Where a window's text is cut, and where the next window begins."""

from collections.abc import Sequence
from dataclasses import dataclass

STEP = 2
"""Frames of a spectrogram between two neighbouring timestamps: one state of the encoder."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Ids that were written for a part of a sound. times: when each was said, in seconds, where that was asked for."""

    tokens: tuple[int, ...]
    times: tuple[float, ...] | None = None


def cut(tokens: Sequence[int], first: int, frames: int) -> tuple[list[tuple[int, int]], int]:
    """The segments of a window's text, as begin and end in it, and after how many frames the next window begins.

    first: the first timestamp. frames: of this window. A segment ends between two timestamps. One timestamp at the end
    of the text says that nothing comes after it; of two, both belong to the last segment, and the next window begins at
    them: what was written behind them is left out, as it may have been cut off in the middle.
    """
    ends = [i for i in range(1, len(tokens)) if tokens[i - 1] >= first and tokens[i] >= first]
    step = frames
    if not ends or (tokens[-2] < first <= tokens[-1]):
        ends.append(len(tokens))
    else:
        step = (tokens[ends[-1] - 1] - first) * STEP
        ends[-1] += 1
    return list(zip([0, *ends], ends, strict=False)), step
