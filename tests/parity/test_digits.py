"""The demo recogniser of digits is what it says: transformers reads it whole and writes the same."""

from pathlib import Path

import pytest
import soundfile

from nbpipes import demo, pipeline

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.parity

TASK = "automatic-speech-recognition"
SOUNDS = sorted((Path(__file__).parents[1] / "unit" / "demo" / "digits").glob("*.flac"))


@pytest.mark.parametrize("times", [None, "word", "char"])
def test_texts_and_times_are_the_same(times: str | None) -> None:
    folder = demo.folder(TASK)
    model, found = transformers.AutoModelForCTC.from_pretrained(folder, output_loading_info=True)
    assert not any(found.values()), found
    theirs = transformers.pipeline(
        TASK,
        model=model,
        tokenizer=transformers.AutoTokenizer.from_pretrained(folder),
        feature_extractor=transformers.AutoFeatureExtractor.from_pretrained(folder),
    )
    ours = pipeline(TASK, model="demo", device="cpu")
    for path in SOUNDS:
        samples, _ = soundfile.read(path, dtype="float32")
        assert ours(samples, return_timestamps=times) == theirs(samples, return_timestamps=times)
