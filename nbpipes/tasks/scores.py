"""From logits to scores of labels."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nbpipes.errors import InputError
from nbpipes.hub.config import Config

Function = Literal["softmax", "sigmoid", "none"]
Floats = NDArray[np.float32]


def softmax(logits: Floats) -> Floats:
    """Along the last axis, shifted by the maximum so that nothing overflows."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow for large negative x."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)


def chosen_function(wanted: str | None, config: Config) -> Function:
    """The function that a user asks for, or with None or "default" the one that belongs to the model's problem."""
    if wanted is not None and wanted != "default":
        match str(wanted).lower():
            case "softmax" | "sigmoid" | "none" as known:
                return known
        raise InputError(f"function_to_apply must be 'softmax', 'sigmoid', 'none' or 'default', not {wanted!r}")
    match config.problem_type:
        case "regression":
            return "none"
        case "multi_label_classification":
            return "sigmoid"
        case "single_label_classification":
            return "softmax"
    if len(config.labels) == 1:
        return "sigmoid"
    return "softmax"


def scores(logits: Floats, function: Function) -> Floats:
    """The scores of logits, as float32."""
    match function:
        case "softmax":
            return softmax(logits)
        case "sigmoid":
            return sigmoid(logits)
        case "none":
            return logits
