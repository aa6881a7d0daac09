"""Results come back from JSON as they were; equal items have equal hashes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbpipes.errors import InputError
from nbpipes.store.codec import decode, encode, item_hash, short_json
from nbpipes.store.tables import Row, read, write

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_values_come_back(value):
    assert decode(encode(value)) == value


def test_arrays_images_and_bytes_come_back():
    mask = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = Image.fromarray(mask * 40)
    found = decode(encode([{"mask": image, "array": mask, "data": b"\x00\xff", "score": np.float32(0.5)}]))[0]
    assert (found["array"] == mask).all()
    assert found["array"].dtype == np.uint8
    assert np.asarray(found["mask"]).tolist() == (mask * 40).tolist()
    assert (found["data"], found["score"]) == (b"\x00\xff", 0.5)
    with pytest.raises(InputError, match="a result holds a set"):
        encode({1, 2})


@given(PLAIN, PLAIN)
def test_hashes_tell_items_apart(one, other):
    assert item_hash(one) == item_hash(one) != 0
    if repr(one) != repr(other):
        assert item_hash(one) != item_hash(other)


def test_hashes_of_other_items():
    array, image = np.arange(4), Image.new("L", (2, 2))
    assert item_hash(array) != item_hash(array.astype(np.float32)) != 0
    assert item_hash(image) != item_hash(Image.new("L", (2, 2), 1)) != 0
    assert item_hash(["ab", "c"]) != item_hash(["a", "bc"])
    assert item_hash("\ud800") != 0
    assert item_hash(object()) == 0


def test_items_that_can_be_run_again():
    assert short_json({"text": "a"}) == '{"text": "a"}'
    assert short_json(("a", "b")) is None
    assert short_json(object()) is None
    assert short_json("x" * 200_000) is None


ROWS = st.builds(Row, st.integers(0, 99), st.integers(-(2**63), 2**63 - 1), st.text("ab") | st.none(), st.text("{}é"))


@settings(deadline=None, max_examples=20)
@given(st.lists(ROWS))
def test_files_of_rows(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("files")
    path = write(folder / "0-99", rows)
    assert read(path) == rows
    assert list(folder.iterdir()) == [path]
