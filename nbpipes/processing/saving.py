"""Writing a tokenizer into a folder."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from nbpipes.hub.repo import Repo
from nbpipes.processing.vocabulary.settings import FLAGS, PIECE_FILES, text_of

# Files that are copied as they are: the slow tokenizers of transformers read them.
COPIED = ("vocab.txt", "vocab.json", "merges.txt", "normalizer.json", *PIECE_FILES)

# What a tokenizer that has no tokenizer.json is made of, besides.
OLDER = (
    "source.spm",
    "target.spm",
    "target_vocab.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)

# What transformers writes for a model without a longest sequence.
NO_LIMIT = int(1e30)


def save(
    folder: Path, backend: Backend, config: Mapping[str, Any], templates: Mapping[str, str], repo: Repo | None
) -> tuple[str, ...]:
    """Write tokenizer.json and its settings, and copy the older files that `repo` has; return the paths written.

    config: the content of tokenizer_config.json, without the tokens that `backend` adds. templates: chat templates.
    """
    written = [Path(path).name for path in copy(folder, repo, COPIED)]
    backend.save(str(folder / "tokenizer.json"))
    content = {name: value for name, value in config.items() if name != "chat_template"}
    content["added_tokens_decoder"] = {
        str(number): {"content": token.content} | {flag: getattr(token, flag) for flag in FLAGS}
        for number, token in sorted(backend.get_added_tokens_decoder().items())
    }
    if set(templates) == {"default"}:
        (folder / "chat_template.jinja").write_text(templates["default"], encoding="utf-8")
        written.append("chat_template.jinja")
    elif templates:
        content["chat_template"] = [{"name": name, "template": text} for name, text in templates.items()]
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True, default=text_of)
    (folder / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")
    return tuple(str(folder / name) for name in (*written, "tokenizer.json", "tokenizer_config.json"))


def copy(folder: Path, repo: Repo | None, names: tuple[str, ...] = COPIED + OLDER) -> tuple[str, ...]:
    """Copy those files of `repo` into `folder` that it has; return the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names:
        if repo is not None and repo.has(name) and repo.path(name).resolve() != (folder / name).resolve():
            shutil.copyfile(repo.path(name), folder / name)
            written.append(str(folder / name))
    return tuple(written)
