"""A model with its weights, from a repository."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from nbpipes.errors import TaskError
from nbpipes.hub.checkpoint import Checkpoint
from nbpipes.hub.repo import Repo
from nbpipes.hub.weights import fill
from nbpipes.models.family import Family, Model
from nbpipes.models.heads import Head
from nbpipes.models.registry import family


def choose_head(known: Family, model_type: str, kinds: Sequence[Head], task: str) -> Head:
    """The first kind of head that the family has; TaskError says what the family can do instead."""
    for kind in kinds:
        if kind is Head.BASE or kind in known.heads:
            return kind
    offers = ", ".join(known.heads)
    raise TaskError(f"{task} needs a model with a {' or '.join(kinds)} head; {model_type} models offer: {offers}")


def load_model(
    repo: Repo,
    kinds: Sequence[Head],
    *,
    task: str,
    raw: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = torch.float32,
    variant: str | None = None,
) -> Model:
    """Reads config and weights of `repo` into a model with the first of `kinds` that its family has.

    raw: a config to take instead of the repository's config.json. dtype: None = as stored.
    Errors: RepoError (files), ConfigError, CheckpointError (weights), TaskError (no such head).
    """
    settings = dict(repo.json("config.json") if raw is None else raw)
    known = family(str(settings.get("model_type", "")))
    config = known.config.read(settings)
    kind = choose_head(known, config.model_type, kinds, task)
    checkpoint = Checkpoint.open(repo, variant=variant)
    wanted = checkpoint.dtype if dtype is None else dtype
    model = known.build(config, kind)
    moves = known.plan(checkpoint.shapes(), kind)
    known.trim(model, moves)
    kept = known.exact if wanted is torch.float16 else ()
    model.unused = fill(
        model,
        moves,
        checkpoint,
        ties=known.ties(config, kind),
        origin=lambda target: known.origin(target, kind),
        device=device,
        dtype=wanted,
        exact=lambda target: any(f".{name}." in target for name in kept),
    )
    model.repo, model.checkpoint = repo, checkpoint
    return model.eval()
