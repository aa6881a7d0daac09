"""Is it one item or many? And how are many read: at once into a list, or as they come?"""

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nbpipes.errors import InputError
from nbpipes.processing.datasets import of_row


@dataclass(frozen=True, slots=True)
class Given:
    """The items of a call. shape: one item; a list, answered by a list; or lazy, answered by an iterator."""

    items: Iterable[Any]
    shape: Literal["one", "list", "lazy"]

    @property
    def size(self) -> int | None:
        """How many items there are, if the source knows."""
        try:
            return len(self.items) if isinstance(self.items, Sized) else None
        except TypeError:  # a torch DataLoader over an iterable dataset has a __len__ that raises
            return None


class Rows:
    """The items of a map-style dataset (`__len__` and `__getitem__`), in order."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __iter__(self) -> Iterator[Any]:
        return (self.dataset[i] for i in range(len(self.dataset)))


def by_name(args: tuple[Any, ...], options: dict[str, Any], names: tuple[str, ...]) -> tuple[Any, ...]:
    """The arguments of a call, which may be given by one of these names instead; it is taken out of the options."""
    return args or tuple(options.pop(name) for name in names if name in options)


def sort_out(inputs: Any, is_item: Callable[[Any], bool], wanted: str) -> Given:
    """Tells one item from many. is_item: whether a value is one item to the task. wanted: its name, for the error."""
    if is_item(inputs):
        return Given((inputs,), "one")
    if isinstance(inputs, list | tuple):
        return Given(inputs, "list")
    if isinstance(inputs, np.ndarray):
        return Given(inputs.tolist() if inputs.ndim == 1 else list(inputs), "list")
    if hasattr(inputs, "to_list") and hasattr(inputs, "dtype"):  # a pandas or polars Series
        return Given(inputs.to_list(), "list")
    if hasattr(inputs, "columns") and hasattr(inputs, "to_dict"):  # a pandas or polars DataFrame
        raise InputError(
            "a table has many columns: pass one of them, table['name'], or, with nbpipes.enable_pandas(), call "
            "table.pipe(task, 'name')"
        )
    if isinstance(inputs, Sized) and hasattr(inputs, "__getitem__") and not isinstance(inputs, str | bytes | dict):
        return Given(Rows(inputs), "lazy")
    if isinstance(inputs, Iterable) and not isinstance(inputs, str | bytes | dict):
        return Given(inputs, "lazy")
    raise InputError(
        f"the input must be {wanted}, or a list, a dataset or an iterator of such, not {type(inputs).__name__}"
        f"{of_row(inputs)}"
    )


class LazyResults:
    """Results that are computed as they are asked for. Loops start anew, unless the source can be read only once."""

    def __init__(self, given: Given, start: Callable[[Iterable[Any]], Iterator[Any]]) -> None:
        self._given, self._start = given, start
        self._running: Iterator[Any] | None = None

    def __repr__(self) -> str:
        many = "results" if self._given.size is None else f"{self._given.size:,} results"
        return f"<{many}, computed as they are asked for: loop over them, or make a list>"

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self._given.items, Iterator):
            return self
        return self._start(self._given.items)

    def __next__(self) -> Any:
        if self._running is None:
            self._running = self._start(self._given.items)
        return next(self._running)

    def __len__(self) -> int:
        if self._given.size is None:
            raise TypeError("the source of these results does not say how many items it has")
        return self._given.size
