"""The cache of pipelines: built once, freed when unloaded, safe under threads."""

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nbpipes.errors import InputError
from nbpipes.notebook.models import Models, weight_bytes


class Tensor:
    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes


class Model:
    def __init__(self, nbytes: int) -> None:
        self.nbytes, self.itself = nbytes, self  # a cycle: only the collector frees it

    def parameters(self) -> list[Tensor]:
        return [Tensor(self.nbytes)]

    def buffers(self) -> list[Tensor]:
        return []


class Pipe:
    """Stands in for a pipeline."""

    def __init__(self, task: str, model: str, nbytes: int = 10, **options: Any) -> None:
        self.task, self.options, self.model = task, options, Model(nbytes)
        self.meta = {"model": model, "revision": "abc", "device": "cpu", "dtype": "float32"}


def make(options: Mapping[str, Any]) -> Pipe:
    return Pipe(**options)


def cache(build: Callable[[Mapping[str, Any]], Any] = make, budget: int = 1000) -> Models:
    return Models(build, budget)


def use(models: Models, task: str = "ner", model: str = "m", **options: Any) -> tuple[int, float]:
    with models.use({"task": task, "model": model, **options}) as (pipe, seconds):
        return id(pipe), seconds


def test_a_second_use_does_not_build() -> None:
    models = cache()
    first, seconds = use(models)
    assert seconds > 0
    assert use(models) == (first, 0.0)
    (loaded,) = models.loaded()
    assert (loaded.id, loaded.task, loaded.model, loaded.device) == (1, "ner", "m", "cpu")
    assert (loaded.bytes, loaded.uses, loaded.busy) == (10, 2, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"task": "qa"},
        {"model": "n"},
        {"revision": "v2"},
        {"dtype": "bfloat16"},
        {"device": 1},
        {"device": False},  # equal to 0, but not the same word
        {"model_kwargs": {"variant": "fp16"}},
        {"tokenizer": object()},
    ],
)
def test_what_builds_another_pipeline_is_another_entry(other: dict[str, Any]) -> None:
    models = cache()
    use(models, device=0)
    use(models, **{"task": "ner", "model": "m", "device": 0, **other})
    assert len(models.loaded()) == 2


def test_equal_options_share_in_any_order() -> None:
    models = cache()
    with models.use({"task": "ner", "model": "m", "model_kwargs": {"a": [1], "b": None}}) as (one, _):
        pass
    with models.use({"model_kwargs": {"b": None, "a": [1]}, "model": "m", "task": "ner"}) as (two, _):
        assert one is two


def test_unload_frees_memory() -> None:
    models = cache()
    with models.use({"task": "ner", "model": "m"}) as (pipe, _):
        refs = weakref.ref(pipe), weakref.ref(pipe.model)
    del pipe
    gc.disable()
    try:
        (gone,) = models.unload("m")
    finally:
        gc.enable()
    assert gone.freed
    assert gone.pipeline.model == "m"
    assert [ref() for ref in refs] == [None, None]
    assert models.loaded() == ()


def test_unload_says_when_something_else_holds_the_pipeline() -> None:
    models = cache()
    with models.use({"task": "ner", "model": "m"}) as (held, _):
        (gone,) = models.unload()
        assert (gone.freed, gone.pipeline.busy) == (False, 1)
    assert held is not None
    assert models.loaded() == ()


def test_unload_by_number_model_task_or_all() -> None:
    models = cache()
    for task, model in (("ner", "a"), ("ner", "b"), ("qa", "c"), ("qa", "d")):
        use(models, task, model)
    assert [gone.pipeline.model for gone in models.unload("1")] == ["a"]
    assert [gone.pipeline.model for gone in models.unload("qa")] == ["c", "d"]
    with pytest.raises(InputError, match="no loaded pipeline is called 'z'"):
        models.unload("z")
    assert [gone.pipeline.model for gone in models.unload()] == ["b"]
    assert models.unload() == ()


def test_the_least_recently_used_leave_beyond_the_budget() -> None:
    models = cache(budget=25)
    for model in ("a", "b", "a", "c"):
        use(models, model=model)
    assert [loaded.model for loaded in models.loaded()] == ["a", "c"]
    with models.use({"task": "ner", "model": "a"}):
        use(models, model="big", nbytes=100)
        assert {loaded.model for loaded in models.loaded()} == {"a", "big"}
    use(models, model="e")
    assert [loaded.model for loaded in models.loaded()] == ["a", "e"]


def test_a_failed_build_leaves_nothing() -> None:
    def build(options: Mapping[str, Any]) -> Pipe:
        raise OSError("no such model")

    models = cache(build)
    for _ in range(2):
        with pytest.raises(OSError, match="no such model"):
            use(models)
    assert models.loaded() == ()
    assert models._entries == {}


def test_changed_files_of_a_folder_are_loaded_anew(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"old")
    models = cache()
    first, _ = use(models, model=str(tmp_path))
    assert use(models, model=str(tmp_path))[0] == first
    os.utime(weights, ns=(1, 1))
    assert use(models, model=str(tmp_path))[1] > 0
    assert [loaded.id for loaded in models.loaded()] == [2]


def test_threads_build_one_pipeline_once() -> None:
    built: list[str] = []
    barrier = threading.Barrier(16)

    def build(options: Mapping[str, Any]) -> Pipe:
        built.append(options["model"])
        time.sleep(0.01)
        return Pipe(**options)

    models = cache(build)

    def work(number: int) -> int:
        barrier.wait()
        return use(models, model="ab"[number % 2])[0]

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(work, range(16)))
    assert sorted(built) == ["a", "b"]
    assert len(set(ids)) == 2
    assert sum(loaded.uses for loaded in models.loaded()) == 16


def test_threads_that_load_and_unload_leave_a_clean_cache() -> None:
    models = cache(budget=15)

    def work(number: int) -> None:
        for step in range(6):
            use(models, model=str((number + step) % 3 + 10))
            if step == number:
                models.unload()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert all(loaded.busy == 0 for loaded in models.loaded())
    models.unload()
    assert models._entries == {}


def test_weight_bytes_of_what_has_no_model() -> None:
    assert weight_bytes(object()) == 0
