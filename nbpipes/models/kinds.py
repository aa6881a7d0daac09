"""The kinds of answers that models give. Without torch, so that a list of tasks is there at once."""

from enum import StrEnum


class Head(StrEnum):
    """Kinds of answers. A task names the ones it can use, a family the ones it has."""

    BASE = "base"
    SEQUENCE = "sequence"
    TOKENS = "tokens"
    SPANS = "spans"
    CELLS = "cells"
    MASKED = "masked"
    IMAGE = "image"
    PAIRS = "pairs"
    DEPTH = "depth"
    DETECTION = "detection"
    MASKS = "masks"
    LABEL_MAPS = "label_maps"
    CAUSAL = "causal"
    SEQ2SEQ = "seq2seq"
    VISION2SEQ = "vision2seq"
    CTC = "ctc"
    AUDIO = "audio"
    SPEECH = "speech"
