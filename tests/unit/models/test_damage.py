"""Damaged configs and weights of real folders: a model is loaded, or one of our errors says what is wrong."""

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbpipes.errors import NbpipesError
from nbpipes.hub.repo import Repo
from nbpipes.models.heads import Head
from nbpipes.models.load import load_model

GOLDEN = Path(__file__).parents[2] / "golden"
FAMILIES = sorted(path.parent.name for path in GOLDEN.glob("*/sequence"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70) | st.floats() | st.text(max_size=6) | st.just(10**30),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=5,
)
# A config may ask for more layers than fit into memory; that is no matter of types, and building them takes long.
MODERATE = st.integers(-3, 70) | st.none() | st.floats(max_value=70) | st.text(max_size=6) | st.booleans()
FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(request, tmp_path) -> Path:
    shutil.copytree(GOLDEN / request.param / "sequence", tmp_path / "model")
    return tmp_path / "model"


def load(folder: Path) -> None:
    with suppress(NbpipesError):
        load_model(Repo(folder), [Head.SEQUENCE], task="test")


@pytest.mark.parametrize("folder", FAMILIES, indirect=True)
def test_configs_with_wrong_values(folder):
    original = json.loads((folder / "config.json").read_text())
    counted = {name for name in original if "layers" in name or "group" in name}

    @FUZZ
    @given(data=st.data(), names=st.lists(st.sampled_from(sorted(original)), min_size=1, max_size=3))
    def damage(data, names):
        wrong = {name: data.draw(MODERATE if name in counted else VALUES) for name in names}
        (folder / "config.json").write_text(json.dumps(original | wrong))
        load(folder)

    damage()


@pytest.mark.parametrize("folder", ["bert", "deberta-v2"], indirect=True)
def test_configs_with_wrong_bytes(folder):
    original = (folder / "config.json").read_bytes()

    @FUZZ
    @given(position=st.integers(0, len(original) - 1), byte=st.integers(0, 255), cut=st.booleans())
    def damage(position, byte, cut):
        rest = b"" if cut else original[position + 1 :]
        (folder / "config.json").write_bytes(original[:position] + bytes([byte]) + rest)
        load(folder)

    damage()


@pytest.mark.parametrize("folder", ["bert", "deberta-v2"], indirect=True)
def test_weights_with_wrong_bytes(folder):
    original = (folder / "model.safetensors").read_bytes()

    @FUZZ
    @given(position=st.integers(0, 5000), byte=st.integers(0, 255))
    def damage(position, byte):
        (folder / "model.safetensors").write_bytes(original[:position] + bytes([byte]) + original[position + 1 :])
        load(folder)

    damage()
