"""Real checkpoints on real texts: nbpipes and transformers side by side."""

import pytest
import torch

import nbpipes

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity
FIXED = {"device": "cpu", "dtype": torch.float32}
STRATEGIES = ("none", "simple", "first", "average", "max")


@pytest.fixture(scope="module")
def taggers(checkpoint):
    folder = str(checkpoint("rampart-pii"))
    return nbpipes.pipeline("ner", folder, **FIXED), transformers.pipeline("ner", folder, **FIXED)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_entities_are_equal(taggers, texts, strategy):
    pipe, reference = taggers
    expected = reference(texts, aggregation_strategy=strategy)
    assert sum(map(len, expected)) > 50
    for batch_size in (None, 1):
        found = pipe(texts, aggregation_strategy=strategy, batch_size=batch_size)
        for text, ours, theirs in zip(texts, found, expected, strict=True):
            assert [without_score(one) for one in ours] == [without_score(one) for one in theirs], text
            scores = [float(one["score"]) for one in theirs]
            assert [one["score"] for one in ours] == pytest.approx(scores, abs=1e-5), text


def without_score(entity):
    return {name: value for name, value in entity.items() if name != "score"}


@pytest.mark.parametrize("batch_size", [None, 16])
def test_features_are_equal(checkpoint, texts, batch_size):
    folder = str(checkpoint("all-MiniLM-L6-v2"))
    ours = nbpipes.pipeline("feature-extraction", folder, batch_size=batch_size, **FIXED)(texts, return_tensors=True)
    reference = transformers.pipeline("feature-extraction", folder, **FIXED)
    for text, features in zip(texts, ours, strict=True):
        torch.testing.assert_close(features, reference(text, return_tensors=True), atol=1e-5, rtol=0, msg=text)


def test_sentence_vectors_are_the_mean_of_the_tokens(checkpoint, texts):
    folder = str(checkpoint("all-MiniLM-L6-v2"))
    vectors = nbpipes.pipeline("feature-extraction", folder, **FIXED)(texts, pooling="auto", return_tensors=True)
    cut = {"truncation": True, "max_length": 256}
    reference = transformers.pipeline("feature-extraction", folder, tokenize_kwargs=cut, **FIXED)
    for text, vector in zip(texts, vectors, strict=True):
        tokens = reference(text, return_tensors=True)[0]
        expected = torch.nn.functional.normalize(tokens.mean(0), dim=0)
        torch.testing.assert_close(vector, expected, atol=1e-5, rtol=0, msg=text)
