"""A family of models as data: its config, its trunk, its heads, and the rules from stored names to ours."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nbpipes.errors import ConfigError
from nbpipes.hub.checkpoint import Checkpoint
from nbpipes.hub.config import Config
from nbpipes.hub.repo import Repo
from nbpipes.hub.weights import Plan, Rule, plan
from nbpipes.layers.linear import device_of, prepare
from nbpipes.layers.packing import Layout
from nbpipes.models.heads import BaseHead, Head
from nbpipes.models.outputs import Encoded, Output


class Unfilled(TorchFunctionMode):
    """Skips torch's first values for weights: a checkpoint replaces them, and on the meta device they take seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init" and "tensor" in given:
            return given["tensor"]
        return func(*args, **given)


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """How a family makes one kind of head.

    rules: from full stored names to names inside the head. ties: weights of the head that share a trunk's tensor
    when the config ties word embeddings, as names inside head and trunk. optional: parts of the head that become None
    where a checkpoint has no weights for them. prefix: leads the trunk's names in checkpoints with this head, where it
    is another than with others.
    """

    build: Callable[[Any], nn.Module]
    rules: tuple[Rule, ...] = ()
    ties: Mapping[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """What one `model_type` is made of. `prefix` leads the trunk's names in checkpoints that have a head.

    model: what joins trunk and head, None = Model, for packed sequences. exact: layers of the trunk that stay float32
    in a model of float16, which does not reach far enough for what they give.
    """

    config: type[Config]
    trunk: Callable[[Any], nn.Module]
    rules: tuple[Rule, ...]
    prefix: str
    heads: Mapping[Head, HeadSpec]
    model: "type[Model] | None" = None
    exact: tuple[str, ...] = ()

    def head(self, kind: Head) -> HeadSpec:
        """The spec of a head; a trunk alone is a head for every family."""
        bare = kind is Head.BASE and kind not in self.heads
        return HeadSpec(lambda config: BaseHead()) if bare else self.heads[kind]

    def build(self, config: Config, kind: Head) -> "Model":
        """The model without weights, on the meta device."""
        try:
            with torch.device("meta"), Unfilled():
                return (self.model or Model)(config, kind, self.trunk(config), self.head(kind).build(config))
        except (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError) as error:
            raise ConfigError(f"config.json does not describe a {config.model_type} model: {error}") from error

    def plan(self, names: Mapping[str, Any], kind: Head) -> Plan:
        """Where the tensors of a checkpoint go."""
        return plan(names, self.rules, self.head(kind).rules, self._prefix(kind))

    def _prefix(self, kind: Head) -> str:
        own = self.head(kind).prefix
        return self.prefix if own is None else own

    def trim(self, model: "Model", moves: Plan) -> None:
        """Leaves out the optional parts of the head that get no weights."""
        targets = [target for move in moves.moves for target in move.targets]
        for name in self.head(model.kind).optional:
            part = getattr(model.head, name)
            has_weights = isinstance(part, nn.Module) and next(part.parameters(), None) is not None
            if has_weights and not any(target.startswith(f"head.{name}.") for target in targets):
                setattr(model.head, name, None)

    def ties(self, config: Config, kind: Head) -> dict[str, str]:
        """Targets that share another target's tensor."""
        if not config.tie_word_embeddings:
            return {}
        return {f"head.{own}": f"trunk.{shared}" for own, shared in self.head(kind).ties.items()}

    def origin(self, target: str, kind: Head) -> str:
        """The stored name of one of our weights, for messages."""
        scope, _, inner = target.partition(".")
        rules, prefix = (self.head(kind).rules, "") if scope == "head" else (self.rules, self._prefix(kind))
        return next((prefix + name for rule in rules if (name := rule.origin(inner))), target)


class Model(nn.Module):
    """A trunk with a head. `accepts` are the inputs that the trunk takes; repo and checkpoint are where it came from,
    and `unused` the stored weights that found no place in it."""

    repo: Repo | None = None
    checkpoint: Checkpoint | None = None
    unused: tuple[str, ...] = ()

    def __init__(self, config: Config, kind: Head, trunk: nn.Module, head: Any) -> None:
        super().__init__()
        self.config, self.kind, self.trunk, self.head = config, kind, trunk, head
        self.prepared = False
        self.accepts = frozenset(inspect.signature(trunk.forward).parameters) - {"layout", "keep"}

    @property
    def device(self) -> torch.device:
        return device_of(self)

    @property
    def limit(self) -> int | None:
        """The most tokens that a sequence may have, or None where there is no such limit."""
        return getattr(self.trunk, "limit", None)

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        self.prepared = False  # another device or dtype: what was made fast there is undone
        return super()._apply(fn, recurse)

    def prepare(self) -> None:
        """Makes the model fast where it is, if that has not been done. Forwards do it: not while loading, as torch's
        threads should only ever be used by one thread of ours."""
        if not self.prepared:
            with torch.inference_mode(mode=False):  # weights made in it could not be moved or converted later
                prepare(self, steps=hasattr(self.trunk, "step"))
            self.prepared = True

    def forward(self, *, layout: Layout, **inputs: Any) -> Output:
        """inputs: tensors by name; those that the trunk does not know (token types, say) are left out."""
        self.prepare()
        taken = {name: value for name, value in inputs.items() if name in self.accepts}
        encoded: Encoded = self.trunk(**taken, layout=layout, keep=self.head.keep(layout))
        return self.head(encoded, layout)
