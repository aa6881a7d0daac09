"""Every family with every head gives the numbers that transformers gave for the same checkpoint and inputs."""

from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nbpipes.hub.repo import Repo
from nbpipes.models.family import Model
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model
from nbpipes.models.registry import MODULES, family
from nbpipes.processing.batch import Chunk, pack

GOLDEN = Path(__file__).parents[2] / "golden"
INPUTS = ("input_ids", "token_type_ids", "bbox")


def cases_of(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors by case and name."""
    cases: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(folder / "cases.safetensors").items():
        case, _, name = key.partition(".")
        cases.setdefault(case, {})[name] = value
    return cases


@cache
def model_of(folder: Path) -> Model:
    head = Head(folder.name.partition("-")[0])
    return load_model(Repo(folder), [head], task="test")


def chunks_of(tensors: dict[str, torch.Tensor]) -> list[Chunk]:
    """The rows of a padded batch without their padding."""
    ids = tensors["input_ids"]
    lengths = tensors.get("attention_mask", torch.ones_like(ids)).sum(1).tolist()
    return [
        Chunk({name: tensors[name][row, :length].tolist() for name in INPUTS if name in tensors}, size=length)
        for row, length in enumerate(lengths)
    ]


def run(model: Model, chunks: list[Chunk]) -> dict[str, torch.Tensor]:
    """What the model says, in the order of the chunks."""
    batch = pack(chunks, torch.device("cpu"))
    with torch.inference_mode():
        parts = model(**batch.inputs).split(batch.counts)
    names = [name for name in ("hidden", "logits", "start", "end", "aggregation") if hasattr(parts[0], name)]
    answered = {name: [part[name] for part in parts] for name in names if parts[0][name] is not None}
    per_token = type(parts[0]).per_token
    return {name: (torch.cat if name in per_token else torch.stack)(found) for name, found in answered.items()}


FOUND = [path.parent for path in sorted(GOLDEN.glob("*/*/cases.safetensors"))]
FOLDERS = {f"{path.parent.name}/{path.name}": path for path in FOUND if path.parent.name in MODULES}
RUNS = [(name, case) for name, folder in FOLDERS.items() for case in cases_of(folder)]


@pytest.mark.parametrize("model_type", [name for name, module in MODULES.items() if module.startswith("text.")])
def test_every_head_of_a_family_is_covered(model_type):
    covered = {folder.name for name, folder in FOLDERS.items() if name.partition("/")[0] == model_type}
    assert {Head.BASE, *family(model_type).heads} <= covered


def test_every_golden_family_is_known():
    assert {folder.parent.name for folder in FOUND} <= set(MODULES)


def assert_near(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Equal to 1e-5. What TAPAS must not choose has a logit of about -10,000, whose digits mean nothing."""
    torch.testing.assert_close(ours.clamp(min=-1000), theirs.clamp(min=-1000), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "case"), RUNS)
def test_numbers_equal_those_of_transformers(name, case):
    tensors = cases_of(FOLDERS[name])[case]
    for key, value in run(model_of(FOLDERS[name]), chunks_of(tensors)).items():
        assert_near(value, tensors[key])


@pytest.mark.parametrize("name", FOLDERS)
def test_batches_change_nothing(name):
    model = model_of(FOLDERS[name])
    chunks = chunks_of(cases_of(FOLDERS[name])["padded"])
    together = run(model, chunks)
    alone = [run(model, [chunk]) for chunk in chunks]
    for key, value in together.items():
        assert_near(value, torch.cat([one[key] for one in alone]))


@pytest.mark.parametrize("name", FOLDERS)
def test_every_stored_weight_but_the_pooler_of_a_bare_trunk_is_used(name):
    unused = model_of(FOLDERS[name]).unused
    assert [weight for weight in unused if "/base" not in name or not weight.startswith("pooler.")] == []


@pytest.mark.parametrize("name", [name for name in FOLDERS if "/tokens" in name])
def test_only_the_rows_asked_for(name):
    model = model_of(FOLDERS[name])
    chunks = chunks_of(cases_of(FOLDERS[name])["padded"])
    whole = pack(chunks, torch.device("cpu"))
    rows = [(0, chunk.size - 1) for chunk in chunks]
    cut = [Chunk(chunk.inputs, size=chunk.size, rows=own) for chunk, own in zip(chunks, rows, strict=True)]
    part = pack(cut, torch.device("cpu"))
    with torch.inference_mode():
        every = model(**whole.inputs).split(whole.counts)
        some = model(**part.inputs).split(part.counts)
    for full, few, own in zip(every, some, rows, strict=True):
        torch.testing.assert_close(few["logits"], full["logits"][list(own)], atol=1e-5, rtol=0)
