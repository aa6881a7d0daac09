"""Saving a pipeline to a folder or to the Hub, so that it comes back without naming its task."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub
from safetensors.torch import save_file

from nbpipes.engine.options import Options
from nbpipes.errors import InputError

SETTINGS = "nbpipes.json"
"""Names the task and its options in a saved folder."""
EXTRA_FILES = (
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "video_preprocessor_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "alphabet.json",
)
LANGUAGE_MODEL = "language_model/"
"""The folder of the n-grams that belong to an alphabet.json."""


class Saved:
    """Writing a pipeline's files."""

    model: Any
    tokenizer: Any
    task: str
    kind: ClassVar[str]
    options: Options

    def save_pretrained(
        self, save_directory: str | Path, safe_serialization: bool = True, max_shard_size: int | str = "5GB"
    ) -> None:
        """Writes config, weights, tokenizer, processors, task and options to a folder.

        The weights are the checkpoint's own, under their own names, so that other libraries read them too.
        max_shard_size: of one weight file, in bytes or as "5GB". InputError if the path is a file, or if
        safe_serialization is False: pickled weights can run code where they are loaded.
        """
        folder = Path(save_directory)
        if not safe_serialization:
            raise InputError("safe_serialization=False is not supported: weights are saved as safetensors only")
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{str(folder)!r} is a file; save_pretrained needs the name of a folder")
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / "config.json", dict(self.model.config.raw))
        _write_weights(self.model.checkpoint, folder, max_shard_size)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder)
        repo = self.model.repo
        names = repo.names() if repo.has("alphabet.json") else ()
        for name in (*EXTRA_FILES, *(name for name in names if name.startswith(LANGUAGE_MODEL))):
            if repo.has(name):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(repo.path(name), folder / name)
        _write_json(folder / SETTINGS, {"task": self.kind or self.task, "options": changed(self.options)})

    def push_to_hub(
        self,
        repo_id: str,
        use_temp_dir: bool | None = None,
        commit_message: str | None = None,
        private: bool | None = None,
        token: bool | str | None = None,
        max_shard_size: int | str = "5GB",
        create_pr: bool = False,
        safe_serialization: bool = True,
        revision: str | None = None,
        commit_description: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> str:
        """Uploads what `save_pretrained` writes to a repository on the Hub, made if need be; returns the commit's URL.

        use_temp_dir: False keeps the files in a folder with the repository's name. tags: added to the model card.
        """
        folder = Path(repo_id.split("/")[-1])
        keep = use_temp_dir is False or (use_temp_dir is None and folder.is_dir())
        with tempfile.TemporaryDirectory() as scratch:
            target = folder if keep else Path(scratch)
            self.save_pretrained(target, safe_serialization, max_shard_size)
            api = huggingface_hub.HfApi(token=token)
            repo = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            if tags:
                card = huggingface_hub.ModelCard(f"---\ntags: {json.dumps(list(tags))}\n---\n")
                (target / "README.md").write_text(str(card), encoding="utf-8")
            done = api.upload_folder(
                repo_id=repo,
                folder_path=target,
                commit_message=commit_message or "Upload pipe",
                commit_description=commit_description,
                revision=revision,
                create_pr=create_pr,
            )
        return str(done.commit_url)


def changed(options: Options) -> dict[str, Any]:
    """The options that differ from the task's defaults; InputError for one that JSON cannot hold."""
    plain = type(options)()
    given = {item.name: getattr(options, item.name) for item in fields(options)}
    given = {name: value for name, value in given.items() if value != getattr(plain, name)}
    for name, value in given.items():
        try:
            json.dumps(value)
        except TypeError:
            raise InputError(f"option {name!r} cannot be saved: {type(value).__name__} has no JSON form") from None
    return given


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_weights(checkpoint: Any, folder: Path, max_shard_size: int | str) -> None:
    tensors = {name: checkpoint.tensor(name) for name in checkpoint.shapes()}
    shards = huggingface_hub.split_torch_state_dict_into_shards(
        tensors, filename_pattern="model{suffix}.safetensors", max_shard_size=max_shard_size
    )
    for name, held in shards.filename_to_tensors.items():
        save_file({key: tensors[key].contiguous() for key in held}, folder / name, metadata={"format": "pt"})
    if shards.is_sharded:
        index = {"metadata": shards.metadata, "weight_map": shards.tensor_to_filename}
        _write_json(folder / "model.safetensors.index.json", index)
