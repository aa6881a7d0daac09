"""Building pipelines: what may be named, what is inferred, what is refused; saving and custom classes."""

import json
import pickle
import shutil
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import nbpipes
from nbpipes import PIPELINE_REGISTRY, Pipeline, pipeline
from nbpipes.engine.events import Done
from nbpipes.errors import CheckpointError, ConfigError, InputError, RepoError, TaskError
from nbpipes.tasks.registry import TASKS
from nbpipes.tasks.text_classification import TextClassificationPipeline

TEXTS = ["the cat sat", "a dog", "", "the the the the cat", "🙂 dog"]


def test_the_task_is_inferred_without_a_network(tiny):
    tasks = {head: pipeline(model=tiny(head)).task for head in ("sequence", "tokens", "spans", "masked", "base")}
    assert tasks == {
        "sequence": "text-classification",
        "tokens": "token-classification",
        "spans": "question-answering",
        "masked": "fill-mask",
        "base": "feature-extraction",
    }


def test_a_task_keeps_the_name_that_the_user_gave_it(tiny):
    pipe = pipeline("sentiment-analysis", model=str(tiny("sequence")))
    assert pipe.task == "sentiment-analysis"
    assert pipe("the cat").task == "text-classification"


def test_models_and_tokenizers_are_taken_as_objects(tiny):
    first = pipeline("text-classification", model=tiny("sequence"))
    again = pipeline("text-classification", model=first.model, tokenizer=first.tokenizer)
    bare = TextClassificationPipeline(model=first.model, tokenizer=first.tokenizer)
    named = pipeline("text-classification", model=tiny("sequence"), tokenizer=(str(tiny("base")), {"use_fast": True}))
    assert again(TEXTS) == first(TEXTS) == bare(TEXTS) == named(TEXTS)
    assert again.model is first.model


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({}, TaskError, "name a task or a model"),
        ({"tokenizer": "x"}, TaskError, "without a model"),
        ({"task": "tokn-classification"}, TaskError, "did you mean 'token-classification'"),
        ({"task": "image-to-image"}, TaskError, "does not have the task 'image-to-image' of transformers yet"),
        ({"task": "google-bert/bert-base-cased"}, TaskError, r"pipeline\(model='google-bert/bert-base-cased'\)"),
        ({"task": "ner", "model": "/nowhere/at/all"}, RepoError, "does not exist"),
        ({"model": "demo"}, TaskError, "needs a task"),
        ({"task": "fill-mask", "model": "demo"}, RepoError, "no demo model for fill-mask"),
        ({"device": 0, "device_map": "auto"}, InputError, "not both"),
        ({"device_map": {"a": "cpu", "b": "disk"}}, InputError, "spreads"),
        ({"device": "gpu"}, InputError, "not a device"),
        ({"dtype": "int3"}, InputError, "not a dtype"),
        ({"framework": "tf"}, InputError, "PyTorch"),
        ({"model_kwargs": {"load_in_8bit": True}}, InputError, "load_in_8bit is not supported"),
        ({"model_kwargs": {"use_xla": True}}, InputError, "no 'use_xla'"),
        ({"use_auth_token": "a", "model_kwargs": {"token": "b"}}, InputError, "token is given twice"),
        ({"task": "ner", "model": torch.nn.Linear(1, 1)}, InputError, "not Linear"),
        ({"model_kwargs": {"dtype": "float16"}, "dtype": "float32"}, InputError, "given twice"),
        ({"batch_size": 0}, InputError, "batch_size"),
        ({"topk": 3}, TypeError, "did you mean 'top_k'"),
    ],
)
def test_what_cannot_be_built_is_told(tiny, arguments, error, says):
    if not {"task", "tokenizer"} & arguments.keys() and arguments and "model" not in arguments:
        arguments = {"task": "text-classification", "model": tiny("sequence"), **arguments}
    with pytest.raises(error, match=says):
        pipeline(**arguments)


def test_a_model_for_another_task_is_refused(tiny):
    with pytest.raises(CheckpointError, match=r"lacks .*classifier"):
        pipeline("text-classification", model=tiny("base"))
    with pytest.raises(TaskError, match="needs a model with a tokens head"):
        pipeline("ner", model=pipeline(model=tiny("sequence")).model)


def test_a_head_that_was_trained_for_another_task_gives_a_warning(tiny, caplog):
    for task, head in (
        ("ner", "tokens"),
        ("text-classification", "sequence"),
        ("zero-shot-classification", "sequence"),
    ):
        pipeline(task, model=tiny(head))
        assert "may mean nothing" not in caplog.text
    pipeline("ner", model=tiny("sequence"))
    assert "ForSequenceClassification: the model was trained for text-classification" in caplog.text


def test_a_tokenizer_with_more_ids_than_the_model_is_told(tiny, tmp_path):
    folder = shutil.copytree(tiny("masked"), tmp_path / "more")
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    size = len(tokenizer["model"]["vocab"])
    tokenizer["model"]["vocab"]["zebra"] = size
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    pipe = pipeline("fill-mask", model=folder)
    assert pipe("the [MASK] sat")
    with pytest.raises(InputError, match=f"has {size} ids, its tokenizer {size + 1}"):
        pipe(["the [MASK] sat", "the zebra [MASK]"])


def test_objects_of_transformers_are_refused_with_their_name(tiny):
    foreign = type("BertTokenizerFast", (), {"__module__": "transformers.models.bert", "name_or_path": "org/name"})
    with pytest.raises(InputError, match=r"BertTokenizerFast of transformers: .* tokenizer='org/name'"):
        pipeline("text-classification", model=tiny("sequence"), tokenizer=foreign())


def test_a_device_map_may_name_one_device(tiny):
    pipe = pipeline("text-classification", model=tiny("sequence"), device_map={"": "cpu"})
    assert pipe.device.type == "cpu"


def test_a_pipeline_tells_what_it_is(tiny):
    pipe = pipeline("sentiment-analysis", model=tiny("sequence"), device="cpu")
    about = f"task='sentiment-analysis', model='{tiny('sequence').name}', device='cpu', dtype='float32'"
    assert repr(pipe) == f"TextClassificationPipeline({about})"
    assert (pipe.framework, len(pipe(TEXTS, batch_size=np.int64(2)))) == ("pt", len(TEXTS))
    with pytest.raises(TypeError, match="PipeSpec"):
        pickle.dumps(pipe)


def test_a_class_made_for_transformers_is_told_what_to_change():
    with pytest.raises(TypeError, match=r"Old defines _sanitize_parameters.*options_class"):
        type("Old", (Pipeline,), {"_sanitize_parameters": lambda self: ({}, {}, {})})


def test_an_unknown_model_type_names_the_nearest(tiny, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "brt"}')
    with pytest.raises(ConfigError, match="'brt' are not supported; did you mean 'bert'"):
        pipeline("fill-mask", model=tmp_path)


def test_a_config_of_nonsense_sizes_is_an_error_of_the_config(tiny):
    raw = json.loads((tiny("sequence") / "config.json").read_text())
    for change in ({"num_attention_heads": 0}, {"hidden_size": -3}, {"hidden_act": "gulp"}, {"num_hidden_layers": "x"}):
        with pytest.raises((ConfigError, CheckpointError)):
            pipeline("text-classification", model=tiny("sequence"), config=raw | change)


def test_a_saved_pipeline_comes_back_with_task_and_options(tiny, tmp_path):
    pipe = pipeline("ner", model=tiny("tokens"), aggregation_strategy="simple", ignore_labels=[])
    pipe.save_pretrained(tmp_path / "saved")
    again = pipeline(model=tmp_path / "saved")
    assert again.options == pipe.options
    assert again(TEXTS) == pipe(TEXTS)
    ours, theirs = load_file(tmp_path / "saved" / "model.safetensors"), load_file(tiny("tokens") / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    pipe.save_pretrained(tmp_path / "shards", max_shard_size=4000)
    assert len(list((tmp_path / "shards").glob("model-*.safetensors"))) > 1
    assert pipeline(model=tmp_path / "shards")(TEXTS) == pipe(TEXTS)
    with pytest.raises(InputError, match="is a file"):
        pipe.save_pretrained(tmp_path / "saved" / "config.json")


def test_a_subclass_that_changes_only_the_result(tiny):
    class Percent(TextClassificationPipeline):
        def postprocess(self, outputs, options=None):
            best = super().postprocess(outputs, options)
            return {**best, "score": 100 * best["score"]}

    plain = pipeline("text-classification", model=tiny("sequence"))
    percent = pipeline("text-classification", model=tiny("sequence"), pipeline_class=Percent)
    assert percent("the cat")[0]["score"] == pytest.approx(100 * plain("the cat")[0]["score"])


def test_a_task_of_ones_own(tiny):
    class Lengths(Pipeline):
        def preprocess(self, item, options=None):
            yield from TextClassificationPipeline.preprocess(self, {"text": item}, plain.options)

        def postprocess(self, outputs, options=None):
            return {"tokens": outputs[0].chunk.size, "logits": outputs[0]["logits"].tolist()}

    plain = pipeline("text-classification", model=tiny("sequence"))
    PIPELINE_REGISTRY.register_pipeline("count-tokens", Lengths, "AutoModelForSequenceClassification", type="text")
    try:
        assert "count-tokens" in PIPELINE_REGISTRY.get_supported_tasks()
        answer = pipeline("count-tokens", model=tiny("sequence"))("the cat")
        assert answer["tokens"] >= 4
        assert len(answer["logits"]) == len(plain.model.config.labels)
    finally:
        TASKS.pop("count-tokens")


def test_the_steps_of_the_documents(tiny):
    pipe = pipeline("text-classification", model=tiny("sequence"))
    outputs = [pipe.forward(chunk) for chunk in pipe.preprocess("the cat sat")]
    assert [pipe.postprocess(outputs)] == pipe("the cat sat")
    assert [pipe.postprocess(pipe.forward(pipe.preprocess("the cat sat")))] == pipe("the cat sat")
    assert pipe.predict(TEXTS) == pipe.transform(TEXTS) == pipe(TEXTS)
    with pipe.device_placement():
        assert torch.zeros(1).device == pipe.device
    moved = pipe.ensure_tensor_on_device(a=[torch.ones(2), "text"], b={"c": torch.ones(1)})
    assert moved["a"][0].device == pipe.device
    pipe.check_model_type(["bert"])
    with pytest.raises(TaskError, match="cannot do"):
        pipe.check_model_type(["gpt2"])


def test_sixteen_threads_get_the_answers_of_one(tiny):
    pipe = pipeline("ner", model=tiny("tokens"), ignore_labels=[], stride=2)
    texts = [" ".join(["cat", "dog", "the"][: i % 3 + 1] * (i % 40 + 1)) for i in range(64)]
    expected = [pipe(text) for text in texts]
    found: dict[int, object] = {}

    def work(start: int) -> None:
        for i in range(start, len(texts), 16):
            found[i] = pipe(texts[i])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[i] for i in range(len(texts))] == expected


def test_events_tell_the_order(tiny):
    pipe = pipeline("text-classification", model=tiny("sequence"))
    done = [event for event in pipe.events(TEXTS) if isinstance(event, Done)]
    assert [event.item for event in done] == TEXTS
    assert [event.result for event in done] == pipe(TEXTS)


def test_a_bad_item_in_a_list_names_its_place(tiny):
    pipe = pipeline("text-classification", model=tiny("sequence"))
    results = pipe(text for text in ["the", "cat", None, "dog"])
    assert next(results)["label"]
    assert next(results)["label"]
    with pytest.raises(InputError) as caught:
        next(results)
    assert "item 2" in caught.value.__notes__[0]


def test_names_are_there_without_their_imports():
    assert set(nbpipes.__all__) <= set(dir(nbpipes))
    assert nbpipes.ChunkPipeline is Pipeline
    assert nbpipes.TextClassificationPipeline is TextClassificationPipeline
    for unknown in ("pipelines", "NoSuchPipeline"):
        with pytest.raises(AttributeError, match=f"no attribute '{unknown}'"):
            getattr(nbpipes, unknown)
