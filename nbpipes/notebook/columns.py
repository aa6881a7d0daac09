"""The results of a task as columns beside the rows that they belong to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

Values = dict[str, Any]
OBJECT, TEXT, NUMBER, PLACE = "object", "string", "Float64", "Int64"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a task. name: of the main one, if the user gives none. types: dtypes by the ending of a column's
    name, the main one's ending is empty. values: from the result of one row to its values by ending."""

    name: str
    types: Mapping[str, str]
    values: Callable[[Any], Values]

    def frame(self, results: list[Any], into: str, index: pd.Index) -> pd.DataFrame:
        """One row for each result, None for a row that has none. A result that is a list stays one object."""
        rows = [None if result is None else self.values(result) for result in results]
        listed = any(row is not None and isinstance(row.get(""), list) for row in rows)
        types = {"": OBJECT} if listed else self.types
        return pd.DataFrame(
            {
                into + ending: pd.Series([None if row is None else row.get(ending) for row in rows], index, dtype=dtype)
                for ending, dtype in types.items()
            },
            index=index,
        )


def _best(name: str, others: tuple[str, ...]) -> Callable[[Any], Values]:
    """Takes a record apart: its main value, and others, whose columns end with their names."""

    def values(result: Any) -> Values:
        if not isinstance(result, dict):
            return {"": list(result)}
        return {"": result[name]} | {f"_{other}": result[other] for other in others}

    return values


def _first_word(result: Any) -> Values:
    if result and isinstance(result[0], list):  # several masks
        return {"": list(result)}
    return {"": result[0]["sequence"], "_word": result[0]["token_str"], "_score": result[0]["score"]}


def _first_label(result: Any) -> Values:
    return {"": result["labels"][0], "_score": result["scores"][0]}


def _best_of(result: Any) -> Values:
    """The first of a list of labels with scores, which is sorted."""
    return {"": result[0]["label"], "_score": result[0]["score"]} if result else {}


def _found(result: Any) -> Values:
    """The best of a list of answers, none where there is no text to answer from."""
    return {"": result[0]["answer"], "_score": result[0]["score"]} if result else {}


def _listed(result: Any) -> Values:
    return {"": list(result)}


def _itself(result: Any) -> Values:
    return {"": result}


def _written(name: str) -> Callable[[Any], Values]:
    """What a model wrote; a list where it wrote several texts."""

    def values(result: Any) -> Values:
        texts = [one[name] for one in (result if isinstance(result, list) else [result])]
        return {"": texts[0] if len(texts) == 1 else texts}

    return values


SCORED = {"": TEXT, "_score": NUMBER}
WHOLE = Columns("result", {"": OBJECT}, _itself)
TASKS: Mapping[str, Columns] = MappingProxyType(
    {
        "text-classification": Columns("label", SCORED, _best("label", ("score",))),
        "token-classification": Columns("entities", {"": OBJECT}, _listed),
        "question-answering": Columns(
            "answer",
            {**SCORED, "_start": PLACE, "_end": PLACE},
            _best("answer", ("score", "start", "end")),
        ),
        "document-question-answering": Columns("answer", SCORED, _found),
        "table-question-answering": Columns("answer", {"": TEXT}, _best("answer", ())),
        "fill-mask": Columns("filled", {"": TEXT, "_word": TEXT, "_score": NUMBER}, _first_word),
        "zero-shot-classification": Columns("label", SCORED, _first_label),
        "feature-extraction": Columns("vector", {"": OBJECT}, _itself),
        "text-generation": Columns("generated", {"": OBJECT}, _written("generated_text")),
        "text2text-generation": Columns("generated", {"": TEXT}, _written("generated_text")),
        "summarization": Columns("summary", {"": TEXT}, _written("summary_text")),
        "translation": Columns("translation", {"": TEXT}, _written("translation_text")),
        "image-classification": Columns("label", SCORED, _best_of),
        "zero-shot-image-classification": Columns("label", SCORED, _best_of),
        "image-feature-extraction": Columns("vector", {"": OBJECT}, _itself),
        "object-detection": Columns("objects", {"": OBJECT}, _listed),
        "image-segmentation": Columns("segments", {"": OBJECT}, _listed),
        "depth-estimation": Columns("depth", {"": OBJECT}, lambda result: {"": result["depth"]}),
        "audio-classification": Columns("label", SCORED, _best_of),
        "automatic-speech-recognition": Columns("text", {"": TEXT}, _best("text", ())),
    }
)


def columns_of(task: str) -> Columns:
    """The columns of a task; tasks of the user's own give one column with their results."""
    return TASKS.get(task, WHOLE)
