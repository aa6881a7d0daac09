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
@pytest.mark.parametrize("batch_size", [1, 16])
def test_entities_are_equal(taggers, texts, strategy, batch_size):
    ours, theirs = (pipe(texts, aggregation_strategy=strategy, batch_size=batch_size) for pipe in taggers)
    assert sum(map(len, theirs)) > 100
    for text, mine, reference in zip(texts, ours, theirs, strict=True):
        scores = [(one.pop("score"), other.pop("score")) for one, other in zip(mine, reference, strict=True)]
        assert mine == reference, text
        for score, expected in scores:
            assert score == pytest.approx(float(expected), abs=1e-5), text


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
