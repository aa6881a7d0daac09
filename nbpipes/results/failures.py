"""What stands in for the result of an item that failed."""

from typing import Any

from nbpipes.results.records import Record

LONG = 2000
"""Characters of an error's message that are kept."""


class Failure(Record):
    """An item without a result: a dict of `index`, `stage` ("read", "preprocess", "forward", "postprocess"), `type`
    and `message` of the error. `source` is the item."""

    __slots__ = ()

    @classmethod
    def of(cls, index: int, stage: str, error: BaseException, source: Any = None) -> "Failure":
        """The failure of an item by an exception; keeps neither the exception nor what its traceback holds."""
        message = str(error)
        if len(message) > LONG:
            message = f"{message[:LONG]}…"
        return cls.read({"index": index, "stage": stage, "type": type(error).__name__, "message": message}, source)

    @classmethod
    def read(cls, values: dict[str, Any], source: Any = None) -> "Failure":
        """The failure with these values."""
        return cls(values, "error", source)

    @property
    def text(self) -> str:
        """Type and message, as in a traceback's last line."""
        return f"{self['type']}: {self['message']}" if self["message"] else self["type"]

    def __reduce__(self) -> tuple[Any, ...]:
        return Failure, (dict(self), self.task, self.source, self.meta)
