"""From the names of a checkpoint to the names of our modules, as tables of rules.

A family lists its rules; `plan` reads only names, so it is tested on lists of names; `fill` moves the tensors.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
from torch import Tensor, nn

from nbpipes.errors import CheckpointError

Change = Callable[[Tensor], tuple[Tensor, ...]]
"""Makes of one stored tensor one for each target."""


def _keep(tensor: Tensor) -> tuple[Tensor, ...]:
    return (tensor,)


@dataclass(frozen=True, slots=True)
class Rule:
    """Sends tensors whose name is `source`, or goes on after it with a dot, to each of `targets`.

    `{i}`, `{j}` stand for numbers and carry over to the targets; `*` stands for anything. No target: not needed.
    """

    source: str
    targets: tuple[str, ...]
    change: Change = _keep

    def apply(self, name: str) -> tuple[str, ...] | None:
        """The names of the targets, or None if the rule is not about this name."""
        found = _pattern(self.source).match(name)
        if found is None:
            return None
        tail = name[found.end() :]
        return tuple(target.format(**found.groupdict()) + tail for target in self.targets)

    def origin(self, target: str) -> str | None:
        """The stored name that would end up at `target`, or None."""
        for template in self.targets:
            if found := _pattern(template).match(target):
                return self.source.format(**found.groupdict()) + target[found.end() :]
        return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.escape(template).replace(r"\*", ".*")
    return re.compile(re.sub(r"\\{(\w)\\}", r"(?P<\1>\\d+)", escaped) + r"(?=\.|$)")


def rename(source: str, target: str) -> Rule:
    """The same tensor under another name."""
    return Rule(source, (target,))


def split(source: str, *targets: str) -> Rule:
    """One fused tensor, cut into equal parts along its first dimension."""
    return Rule(source, targets, lambda tensor: tensor.chunk(len(targets)))


def drop(source: str) -> Rule:
    """A tensor that we compute or do without."""
    return Rule(source, ())


def under(prefix: str, rules: Iterable[Rule], target: str = "") -> tuple[Rule, ...]:
    """The same rules for names that begin with a prefix. target: what our names begin with then."""
    return tuple(Rule(prefix + rule.source, tuple(target + own for own in rule.targets), rule.change) for rule in rules)


@dataclass(frozen=True, slots=True)
class Move:
    """One stored tensor and where it goes."""

    source: str
    targets: tuple[str, ...]
    change: Change


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with each tensor of a checkpoint; `unused` are the names that no rule is about."""

    moves: tuple[Move, ...]
    unused: tuple[str, ...]


def plan(names: Iterable[str], trunk: Sequence[Rule], head: Sequence[Rule], prefix: str) -> Plan:
    """Finds for each stored name the first rule that fits: the head's by full name, else the trunk's without `prefix`.

    The prefix is absent from checkpoints that were saved without a head.
    """
    moves, unused = [], []
    for name in names:
        inner = name.removeprefix(prefix)
        for scope, rule, text in (*(("head", r, name) for r in head), *(("trunk", r, inner) for r in trunk)):
            targets = rule.apply(text)
            if targets is not None:
                moves.append(Move(name, tuple(f"{scope}.{target}" for target in targets), rule.change))
                break
        else:
            unused.append(name)
    return Plan(tuple(moves), tuple(unused))


class TensorSource(Protocol):
    """What `fill` needs of a checkpoint."""

    def tensor(self, name: str) -> Tensor: ...


def fill(
    model: nn.Module,
    moves: Plan,
    source: TensorSource,
    *,
    ties: Mapping[str, str],
    origin: Callable[[str], str],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    exact: Callable[[str], bool] = lambda target: False,
) -> tuple[str, ...]:
    """Gives a model on the meta device its weights.

    ties: targets that share the tensor of another target. origin: the stored name for a target, for messages.
    dtype: of the floating-point weights, None = as stored. exact: targets that are float32 all the same.
    Returns the stored names that found no place in the model.
    CheckpointError names a weight that is missing or has another shape, as stored and as used here.
    """
    wanted = dict(model.named_parameters()) | dict(model.named_buffers())
    first = {id(slot): name for name, slot in wanted.items()}
    # One tensor of the model may have several names: modules in two places, whose weights may be stored for each.
    names = {name: first[id(slot)] for name, slot in model.named_parameters(remove_duplicate=False)}
    given: dict[str, Tensor] = {}
    unused = list(moves.unused)
    for move in moves.moves:
        moved = [names.get(target, target) for target in move.targets]
        targets = [target for target in moved if target in wanted and target not in ties]
        if not targets:
            if move.targets and not ties.keys() & set(moved):  # a copy of a tied one is known
                unused.append(move.source)
            continue
        for target, tensor in zip(moved, move.change(source.tensor(move.source)), strict=True):
            if target in targets:
                _check_shape(move.source, target, tensor, wanted[target])
                wished = torch.float32 if exact(target) else dtype
                given[target] = tensor.to(device=device, dtype=wished if tensor.is_floating_point() else None)
    for target, shared in ties.items():
        if target in wanted and names.get(shared, shared) in given:
            given[target] = given[names.get(shared, shared)]
    _check_missing(wanted.keys() - given.keys(), origin)
    for target, tensor in given.items():
        _assign(model, target, tensor)
    return tuple(unused)


def _check_shape(source: str, target: str, tensor: Tensor, slot: Tensor) -> None:
    if tensor.shape != slot.shape:
        raise CheckpointError(
            f"weight {source!r} has the shape {tuple(tensor.shape)}, but {target!r}, which it is for, needs "
            f"{tuple(slot.shape)}: config.json and the weights do not belong together"
        )


def _check_missing(missing: Iterable[str], origin: Callable[[str], str]) -> None:
    names = sorted(missing)
    if names:
        listed = ", ".join(f"{origin(name)!r} (here {name!r})" for name in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise CheckpointError(
            f"the checkpoint lacks {listed}{more}. A model with random weights would give random answers; "
            "choose a checkpoint that was trained for this task"
        )


def _assign(model: nn.Module, target: str, tensor: Tensor) -> None:
    parent, _, name = target.rpartition(".")
    module = model.get_submodule(parent)
    if name in module._parameters:
        module._parameters[name] = nn.Parameter(tensor, requires_grad=False)
    else:
        module._buffers[name] = tensor
