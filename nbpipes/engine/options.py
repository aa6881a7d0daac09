"""The keywords of a task as one frozen dataclass, checked when they are given."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Self

from nbpipes.errors import nearest


@dataclass(frozen=True)
class Options:
    """Base of every task's options. Fields are the call keywords of the user's documents."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(item.name for item in fields(cls))

    @classmethod
    def stated(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords of a call less the options that are None, for tasks whose None means "as it was"."""
        known = cls.names()
        return {name: value for name, value in given.items() if value is not None or name not in known}

    def updated(self, given: Mapping[str, Any], task: str = "") -> Self:
        """These options with the given ones in place; TypeError names the nearest option for an unknown keyword."""
        if not given:
            return self
        known = self.names()
        for name in given:
            if name not in known:
                where = f"{task} has" if task else "there is"
                raise TypeError(
                    f"{where} no option {name!r}{nearest(name, known)}. Options: {', '.join(known) or 'none'}"
                )
        return replace(self, **given)


class Unset(Enum):
    """The value of an option that was not given, where None means something."""

    UNSET = "not given"

    def __repr__(self) -> str:
        return "not given"


UNSET = Unset.UNSET
