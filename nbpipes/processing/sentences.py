"""How a repository of sentence embeddings wants its token vectors pooled (the layout of sentence-transformers)."""

from dataclasses import dataclass
from typing import Literal, Self

from nbpipes.errors import ConfigError
from nbpipes.hub.repo import Repo

Pooling = Literal["mean", "cls", "max"]
MODES: dict[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
}


@dataclass(frozen=True, slots=True)
class SentenceSettings:
    """pooling: how token vectors become one. normalize: whether its length is made 1. max_tokens: where texts end."""

    pooling: Pooling
    normalize: bool
    max_tokens: int | None

    @classmethod
    def load(cls, repo: Repo) -> Self:
        """Reads `1_Pooling/config.json`, `modules.json`, `sentence_bert_config.json`; ConfigError without the first."""
        if not repo.has("1_Pooling/config.json"):
            raise ConfigError(
                f"{repo.name} has no 1_Pooling/config.json saying how to pool: pass pooling='mean' or 'cls'"
            )
        config = repo.json("1_Pooling/config.json")
        modes: list[Pooling] = [name for flag, name in MODES.items() if config.get(flag)]
        if len(modes) != 1 or config.get("pooling_mode_lasttoken") or config.get("pooling_mode_weightedmean_tokens"):
            raise ConfigError(f"{repo.name} pools in a way that is not supported: {config}")
        cut = repo.json_or_empty("sentence_bert_config.json").get("max_seq_length")
        return cls(modes[0], _normalizes(repo), cut if isinstance(cut, int) else None)


def _normalizes(repo: Repo) -> bool:
    """Whether modules.json, a list of the steps, has one that normalises."""
    if not repo.has("modules.json"):
        return False
    return ".Normalize" in repo.path("modules.json").read_text(encoding="utf-8", errors="replace")
