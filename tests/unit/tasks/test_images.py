"""Pipelines on images: every way to give them, batches of mixed sizes, options, and items that cannot be read."""

import base64
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nbpipes import KeyDataset, pipeline
from nbpipes.errors import ConfigError, InputError, RepoError, TaskError
from nbpipes.results.failures import Failure
from nbpipes.results.records import Records

GOLDEN = Path(__file__).parents[2] / "golden"
PICTURES = GOLDEN / "pictures"
NAMES = ("wide", "tall", "square", "tiny")
PATHS = [str(PICTURES / f"{name}.png") for name in NAMES]
LABELS = ["cat", "dog", "river"]


def near(found, wanted):
    """Whether labels are equal and scores too, but for the last bits, which depend on who shares a batch."""
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(near, found, wanted))
    return found["label"] == wanted["label"] and found["score"] == pytest.approx(wanted["score"], abs=1e-6)


@pytest.fixture(scope="module")
def labels():
    return pipeline("image-classification", model=GOLDEN / "vit/image", device="cpu")


@pytest.fixture(scope="module")
def features():
    return pipeline("image-feature-extraction", model=GOLDEN / "dinov2/base", device="cpu")


@pytest.fixture(scope="module")
def pairs():
    return pipeline("zero-shot-image-classification", model=GOLDEN / "clip/pairs", device="cpu")


def test_every_way_to_name_the_images(labels):
    wanted = labels(PATHS)
    assert labels(inputs=PATHS) == labels(images=PATHS) == wanted
    assert labels(image=PATHS[0]) == labels(images=PATHS[0]) == labels(PATHS[0])
    assert near(labels(PATHS[0]), wanted[0])
    assert isinstance(wanted, Records)
    assert wanted[0].source == PATHS[0]


def test_every_form_of_an_image(labels):
    wanted, image = labels(PATHS[0]), Image.open(PATHS[0])
    forms = [
        Path(PATHS[0]),
        image,
        np.asarray(image),
        torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1),
        Path(PATHS[0]).read_bytes(),
        base64.b64encode(Path(PATHS[0]).read_bytes()).decode(),
    ]
    for form in forms:
        assert labels(form) == wanted
    assert near(labels(forms), [wanted] * len(forms))


def test_arrays_of_several_images(labels):
    array = np.stack([np.asarray(Image.open(PATHS[2]))] * 2)
    wanted = labels(PATHS[2])
    assert near(labels(array), [wanted, wanted])
    assert near(labels(torch.from_numpy(array)), [wanted, wanted])


def test_datasets_and_generators(labels):
    wanted = labels(PATHS)
    assert near(list(labels(path for path in PATHS)), wanted)
    assert near(list(labels(KeyDataset([{"image": path} for path in PATHS], "image"))), wanted)


@pytest.mark.parametrize("batch_size", [None, 1, 2, 8])
def test_mixed_sizes_share_batches_by_size(features, batch_size):
    """A processor that neither resizes nor crops gives images of several sizes."""
    kwargs = {"do_resize": False, "do_center_crop": False}
    paths = [path for path in PATHS if "tiny" not in path] * 2
    alone = [features(path, image_processor_kwargs=kwargs, return_tensors=True) for path in paths]
    together = features(paths, image_processor_kwargs=kwargs, return_tensors=True, batch_size=batch_size)
    assert len({one.shape for one in alone}) == 3
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_results_do_not_depend_on_the_batch(labels):
    wanted = [labels(path) for path in PATHS]
    for batch_size in (1, 3, None):
        assert near(labels(PATHS, batch_size=batch_size), wanted)


def test_a_bad_image_costs_only_itself(labels):
    bad = ["no/such/file.png", b"damaged", np.zeros((5, 5, 9)), "file:///etc/passwd"]
    items = [PATHS[0], *bad, PATHS[1]]
    found = labels(items, on_error="record")
    assert [isinstance(one, Failure) for one in found] == [False, True, True, True, True, False]
    assert near([found[0], found[-1]], [labels(PATHS[0]), labels(PATHS[1])])
    with pytest.raises(InputError, match="no file") as caught:
        labels(items)
    assert "item 1" in caught.value.__notes__[0]


def test_scores(labels):
    assert len(labels(PATHS[0])) == 5
    assert labels(PATHS[0], top_k=None) == labels(PATHS[0])
    assert len(labels(PATHS[0], top_k=100)) == 7
    found = labels(PATHS[0], top_k=100, function_to_apply="default")
    assert sum(one["score"] for one in found) == pytest.approx(1)
    assert found == labels(PATHS[0], top_k=100, function_to_apply="SOFTMAX")
    assert all(0 < one["score"] < 1 for one in labels(PATHS[0], function_to_apply="sigmoid"))


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"top_k": 0}, InputError, "top_k"),
        ({"function_to_apply": "soft"}, InputError, "softmax"),
        ({"timeout": 0}, InputError, "timeout"),
        ({"timeout": "1"}, InputError, "timeout"),
        ({"topk": 1}, TypeError, "did you mean 'top_k'"),
    ],
)
def test_options_are_checked(labels, options, error, why):
    with pytest.raises(error, match=why):
        labels(PATHS[0], **options)


def test_images_given_twice(labels):
    with pytest.raises(TypeError, match="twice"):
        labels(PATHS[0], images=PATHS[1])


@pytest.mark.parametrize("value", [None, 5, {"image": "a.png"}])
def test_what_is_no_image(labels, value):
    with pytest.raises(InputError, match="must be an image"):
        labels(value)


def test_features_and_their_shapes(features):
    assert features(PATHS[0], return_tensors=True).shape == (1, 17, 16)
    assert np.shape(features(PATHS[0])) == (1, 17, 16)
    assert np.shape(features(PATHS[0], pool=True)) == (1, 16)
    larger = features(PATHS[0], image_processor_kwargs={"crop_size": {"height": 48, "width": 32}}, return_tensors=True)
    assert larger.shape == (1, 25, 16)
    with pytest.raises(TypeError, match="did you mean 'do_resize'"):
        features(PATHS[0], image_processor_kwargs={"do_resise": False})


def test_a_size_that_does_not_fit_the_model():
    pipe = pipeline("image-feature-extraction", model=GOLDEN / "vit/base", device="cpu")
    with pytest.raises(InputError, match="32 × 32 pixels, not 40 × 40"):
        pipe(PATHS[0], image_processor_kwargs={"size": {"height": 40, "width": 40}})


def test_pooling_without_a_pooler():
    pipe = pipeline("image-feature-extraction", model=GOLDEN / "vit/image", device="cpu")
    assert np.shape(pipe(PATHS[0])) == (1, 17, 16)
    with pytest.raises(InputError, match="no layer that makes one vector"):
        pipe(PATHS[0], pool=True)


def test_labels_of_ones_own(pairs):
    wanted = pairs(PATHS[0], candidate_labels=LABELS)
    assert sum(one["score"] for one in wanted) == pytest.approx(1)
    assert [one["score"] for one in wanted] == sorted((one["score"] for one in wanted), reverse=True)
    assert pairs(PATHS[0], LABELS) == pairs(image=PATHS[0], candidate_labels=LABELS) == wanted
    assert pairs(LABELS, images=PATHS[0]) == pairs(PATHS[0], candidate_labels="cat, dog,river") == wanted
    assert pairs([PATHS[0]], LABELS) == [wanted]


def test_labels_are_encoded_once(pairs, monkeypatch):
    calls = []
    texts = pairs.model.texts
    monkeypatch.setattr(pairs.model, "texts", lambda **inputs: calls.append(1) or texts(**inputs))
    pairs(PATHS * 3, candidate_labels=["sun", "moon"], batch_size=2)
    pairs(PATHS[0], candidate_labels=["sun", "moon"])
    assert len(calls) == 1
    for place in range(20):
        pairs(PATHS[0], candidate_labels=[f"label {place}"])
    assert len(pairs._known) <= 16


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "candidate_labels"),
        ({"candidate_labels": []}, "candidate_labels"),
        ({"candidate_labels": LABELS, "hypothesis_template": "no place"}, "{}"),
        ({"candidate_labels": ["word " * 90]}, "at most 40"),
    ],
)
def test_labels_are_checked(pairs, options, why):
    with pytest.raises(InputError, match=why):
        pairs(PATHS[0], **options)


def test_long_labels_can_be_cut(pairs):
    found = pairs(PATHS[0], ["word " * 90], tokenizer_kwargs={"truncation": True, "max_length": 40})
    assert found[0]["score"] == pytest.approx(1)
    with pytest.raises(TypeError, match="did you mean 'truncation'"):
        pairs(PATHS[0], LABELS, tokenizer_kwargs={"truncate": True})


def test_the_task_is_told_by_the_model():
    assert pipeline(model=GOLDEN / "vit/image", device="cpu").task == "image-classification"
    assert pipeline(model=GOLDEN / "deit/image-teacher", device="cpu").task == "image-classification"
    assert pipeline(model=GOLDEN / "vit/base", device="cpu").task == "image-feature-extraction"
    for family in ("siglip", "siglip2"):
        assert pipeline(model=GOLDEN / family / "pairs", device="cpu").task == "zero-shot-image-classification"


def test_images_of_any_shapes_give_a_vector_for_each_of_their_patches():
    pipe = pipeline("image-feature-extraction", model=GOLDEN / "siglip2/base", device="cpu")
    found = pipe([str(GOLDEN / f"pictures/{name}.png") for name in ("wide", "tall", "wide")], batch_size=3)
    assert [len(one[0]) for one in found] == [4 * 5, 6 * 3, 4 * 5]
    assert np.asarray(found[0]) == pytest.approx(np.asarray(found[2]), abs=1e-5)
    pooled = pipe(str(GOLDEN / "pictures/tall.png"), pool=True)
    assert [len(pooled), len(pooled[0])] == [1, 16]


def test_models_that_cannot_do_the_task(tmp_path):
    with pytest.raises(TaskError, match="image"):
        pipeline("image-classification", model=GOLDEN / "bert/sequence")
    with pytest.raises(TaskError, match="sequence"):
        pipeline("text-classification", model=GOLDEN / "vit/image")


def test_a_repository_without_an_image_processor(tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((GOLDEN / "vit/image" / name).read_bytes())
    with pytest.raises(RepoError, match=r"preprocessor_config\.json"):
        pipeline("image-classification", model=tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"image_processor_type": "Unheard"}')
    with pytest.raises(ConfigError, match="Unheard"):
        pipeline("image-classification", model=tmp_path)
    given = pipeline("image-classification", model=GOLDEN / "vit/image").image_processor
    assert pipeline("image-classification", model=tmp_path, image_processor=given)(PATHS[0])
    named = pipeline("image-classification", model=tmp_path, image_processor=str(GOLDEN / "vit/image"))
    assert named(PATHS[0]) == pipeline("image-classification", model=GOLDEN / "vit/image")(PATHS[0])


def test_what_is_saved_answers_the_same(labels, tmp_path):
    labels.save_pretrained(tmp_path)
    assert pipeline(model=tmp_path, device="cpu")(PATHS) == labels(PATHS)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(dtype):
    pipe = pipeline("image-classification", model=GOLDEN / "resnet/image", device="cpu", dtype=dtype)
    full = pipeline("image-classification", model=GOLDEN / "resnet/image", device="cpu")
    assert pipe(PATHS[0], top_k=1)[0]["score"] == pytest.approx(full(PATHS[0], top_k=1)[0]["score"], abs=0.05)
