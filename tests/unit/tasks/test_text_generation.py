"""Text generation answers as transformers does, and does what transformers does not."""

import gc
import json
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from nbpipes import pipeline
from nbpipes.engine.events import Batched, Done, Failed, Partial
from nbpipes.errors import InputError
from nbpipes.layers.cache import Cache

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = {
    f"{path.parent.name}-{number}": (path.parent, case)
    for path in sorted(GOLDEN.glob("*/writing.json"))
    for number, case in enumerate(json.loads(path.read_text(encoding="utf-8")))
}
CHAT = [{"role": "user", "content": "Who lives in London?"}]
TEXTS = ["Paris is", "Who lives in London? Sarah", "The"]


def make(family: str, **options):
    folder = GOLDEN / family
    files = {"model": folder / "causal-writer", "tokenizer": folder / "tokenizer"}
    return pipeline("text-generation", **files, device="cpu", **options)


@pytest.fixture(scope="module")
def gpt2():
    return make("gpt2")


@pytest.fixture(scope="module")
def llama():
    return make("llama")


@pytest.mark.parametrize("name", CASES)
def test_answers_equal_those_of_transformers(name):
    folder, case = CASES[name]
    answer = make(folder.name, **case["construct"])(*case["args"], **case["call"])
    assert answer == case["result"]
    assert json.loads(json.dumps(answer)) == case["result"]


@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"do_sample": False, "repetition_penalty": 1.3}])
def test_batches_change_nothing(gpt2, options):
    fixed = {"max_new_tokens": 8, "seed": 5} | options
    together = gpt2(TEXTS, **fixed)
    assert together == [gpt2(text, **fixed) for text in TEXTS]
    assert together == gpt2(TEXTS, batch_size=1, **fixed)


def test_a_list_is_written_in_one_batch_where_it_fits(gpt2):
    events = gpt2.events(["Paris is"] * 40, max_new_tokens=2)
    assert [event.chunks for event in events if isinstance(event, Batched)] == [40]


def test_a_seed_makes_sampling_repeatable(gpt2):
    fixed = {"max_new_tokens": 8, "num_return_sequences": 3}
    once = gpt2("Paris", seed=1, **fixed)
    assert once == gpt2("Paris", seed=1, **fixed)
    assert once != gpt2("Paris", seed=2, **fixed)
    assert len({one["generated_text"] for one in once}) > 1


def test_a_length_given_at_the_call_counts(gpt2):
    ids = gpt2("Paris is", max_length=6, do_sample=False, return_tensors=True)[0]["generated_token_ids"]
    assert len(ids) == 6


def test_a_text_stops_it(gpt2):
    whole = gpt2("Paris is", max_new_tokens=20, do_sample=False, return_full_text=False)[0]["generated_text"]
    stop = whole[4:7]
    cut = gpt2("Paris is", max_new_tokens=20, do_sample=False, return_full_text=False, stop_sequence=stop)
    found = cut[0]["generated_text"]
    assert whole.startswith(found)
    assert stop in found
    assert len(found) < len(whole)


def test_messages_are_left_alone(llama):
    chat = [dict(message) for message in CHAT]
    answer = llama(chat, max_new_tokens=3, do_sample=False)
    assert chat == CHAT
    assert answer[0]["generated_text"][0] == CHAT[0]


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        ("x", {"num_return_sequences": 2, "do_sample": False}, "num_return_sequences"),
        ("x", {"num_beams": 2, "num_return_sequences": 3}, "num_beams"),
        ("x", {"return_full_text": True, "return_tensors": True}, "exclude"),
        ("x", {"return_text": True, "return_tensors": True}, "exclude"),
        ("x", {"handle_long_generation": "holes"}, "hole"),
        ("x", {"temperature": -1.0, "do_sample": True}, "temperature"),
        ("x", {"max_length": 1}, "max_length"),
        ("x", {"max_new_tokens": 0}, "max_new_tokens=0"),
        ("x", {"bad_words_ids": [[5], []]}, r"bad_words_ids .* has \[\]"),
        ("x", {"eos_token_id": "</s>"}, "eos_token_id must be the id"),
        ("x", {"forced_eos_token_id": 999, "max_new_tokens": 2}, "forced_eos_token_id.*vocabulary goes from 0 to 10"),
        ("x", {"stop_strings": 3}, "stop_strings must be"),
        ("x", {"stop_strings": ["a", ""]}, "stop_strings must be"),
        ("x", {"stop_sequence": 3}, "stop_strings must be"),
        ("x", {"generation_config": 3}, "generation_config must be"),
        ("Paris " * 80, {}, "reads at most"),
        ([{"role": "user"}], {}, "no content"),
        ([{"content": "x"}], {}, "no role"),
        (CHAT, {}, "no chat template"),
    ],
)
def test_what_cannot_be_done_is_explained(gpt2, args, options, words):
    with pytest.raises(InputError, match=words):
        gpt2(args, **options)


def test_unknown_options_name_the_nearest(gpt2):
    with pytest.raises(TypeError, match="max_new_tokens"):
        gpt2("x", max_new_token=3)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("\n{{ messages.__class__.__mro__ }}", "line 2 of .* sandbox forbids.*__class__.*chat_templates"),
        ("{{ ''.__class__.__base__.__subclasses__() }}", "line 1 of .* sandbox forbids"),
        ("{{ cycler.__init__.__globals__.os.system('id') }}", "sandbox forbids"),
        ("\n\n{% for m in messages %}{{ m.", "line 3 of the chat template is broken"),
        ("{{ raise_exception('only users') }}", "template does not take this chat: only users$"),
        ("{{ messages[7].content.x.y }}", "line 1 of the chat template fails .*no element 7"),
        ("{{ messages.append(1) }}", "sandbox forbids"),
        ("{{ 'a' * 10**10 }}", "sandbox forbids: the result of . is too large"),
        ("{{ 10**9 * messages }}", "sandbox forbids: the result of . is too large"),
        ("{{ 9 ** (10**9) }}", "sandbox forbids: the result of .. is too large"),
        ("{{ 1 / 0 }}", "line 1 of the chat template fails .*ZeroDivisionError"),
    ],
)
def test_broken_and_hostile_templates(llama, template, said):
    with pytest.raises(InputError, match=said):
        llama(CHAT, tokenizer_encode_kwargs={"chat_template": template})


def test_prompts_beyond_what_a_model_was_trained_on_give_a_warning(llama, caplog):
    llama("Paris", max_new_tokens=1)
    assert not caplog.records
    llama("Paris " * 80, max_new_tokens=1)
    assert "trained on at most 64" in caplog.text


def test_ids_that_the_vocabulary_lacks_are_never_written_anyway(gpt2):
    plain = {"max_new_tokens": 4, "do_sample": False}
    more = {"suppress_tokens": [-1, 999], "begin_suppress_tokens": [999], "eos_token_id": [2, 999], "min_new_tokens": 3}
    assert gpt2("x", **plain, **more) == gpt2("x", **plain, eos_token_id=2, min_new_tokens=3)


def test_settings_may_be_an_object_of_transformers(gpt2):
    class GenerationConfig:
        def to_dict(self):
            return {
                "max_new_tokens": 3,
                "do_sample": False,
                "transformers_version": "4.57.6",
                "_from_model_config": True,
            }

    found = gpt2("x", generation_config=GenerationConfig())
    assert found == gpt2("x", generation_config={"max_new_tokens": 3})


def test_settings_are_printed(gpt2):
    assert "max_new_tokens=256" in repr(gpt2.generation_config)
    assert make("gpt2", max_new_tokens=7, temperature=0).generation_config.do_sample is False


def interrupting(after: int):
    """A logits processor at which the user presses Ctrl-C when it has been called so often."""
    calls = iter(range(after))

    def process(ids, scores):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return scores

    return process


def caches() -> int:
    gc.collect()
    return sum(type(one) is Cache for one in gc.get_objects())


def test_texts_are_told_as_they_come(gpt2):
    fixed = {"max_new_tokens": 6, "do_sample": False, "return_full_text": False}
    events = list(gpt2.events(TEXTS, **fixed))
    done = {event.index: event.result[0]["generated_text"] for event in events if isinstance(event, Done)}
    for index, text in done.items():
        told = [event.text for event in events if isinstance(event, Partial) and event.index == index]
        assert len(told) == 6
        assert told == sorted(told, key=len)
        assert text.startswith(told[-1].rstrip())
    assert list(done) == [0, 1, 2]


def test_an_interrupt_keeps_what_is_there(gpt2):
    fixed = {"max_new_tokens": 9, "do_sample": False}
    whole = [one[0]["generated_text"] for one in gpt2(TEXTS, **fixed)]
    events, found = gpt2.events(TEXTS, logits_processor=[interrupting(4)], batch_size=3, **fixed), []
    with pytest.raises(KeyboardInterrupt):
        found.extend(event for event in events)
    done = [event.result[0]["generated_text"] for event in found if isinstance(event, Done)]
    assert len(done) == 3
    for text, part, prompt in zip(whole, done, TEXTS, strict=True):
        assert text.startswith(part)
        assert len(prompt) < len(part) < len(text)


def test_an_interrupted_list_has_what_is_there(gpt2):
    with pytest.raises(KeyboardInterrupt) as caught:
        gpt2(TEXTS, logits_processor=[interrupting(2)], max_new_tokens=9)
    assert len(caught.value.partial) == 3


@pytest.mark.parametrize("end", ["close", "interrupt", "forgotten"])
def test_a_stopped_stream_frees_its_cache(gpt2, end):
    before = caches()
    events = gpt2.events(["Paris"], max_new_tokens=9, logits_processor=[interrupting(3)] if end == "interrupt" else [])
    if end == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            list(events)
    else:
        while not isinstance(next(events), Partial):
            pass
        if end == "close":
            events.close()
    del events
    assert caches() == before


def test_a_stream_goes_on_after_a_bad_item(gpt2):
    events = list(gpt2.events(["Paris " * 90, "Paris is"], max_new_tokens=2, do_sample=False))
    assert [type(event).__name__ for event in events if isinstance(event, Done | Failed)] == ["Failed", "Done"]


def test_an_assistant_by_name_changes_no_answer(gpt2):
    fixed = {"max_new_tokens": 9, "do_sample": False}
    helped = make("gpt2", assistant_model=str(GOLDEN / "gpt2" / "causal-writer"))
    assert helped(TEXTS, **fixed) == gpt2(TEXTS, **fixed)


@pytest.mark.parametrize("options", [{"do_sample": False}, {"do_sample": True, "seed": 2}])
def test_an_assistant_with_another_tokenizer(gpt2, options, tmp_path):
    # The same pieces under other numbers: the assistant's ids mean nothing to the model.
    stored = json.loads((GOLDEN / "gpt2/tokenizer/tokenizer.json").read_text())
    last = max(stored["model"]["vocab"].values())
    special = {one["content"] for one in stored["added_tokens"]}
    vocab = {text: number if text in special else last - number for text, number in stored["model"]["vocab"].items()}
    if len(set(vocab.values())) < len(vocab):
        vocab = {text: place for place, text in enumerate(reversed(stored["model"]["vocab"]))}
    stored["model"]["vocab"] = vocab
    stored["added_tokens"] = [one | {"id": vocab.get(one["content"], one["id"])} for one in stored["added_tokens"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    folder = GOLDEN / "gpt2" / "causal-writer"
    helped = make("gpt2", assistant_model=str(folder), assistant_tokenizer=str(tmp_path))
    given = {"max_new_tokens": 9} | options
    if options["do_sample"]:
        assert helped(TEXTS, **given) == helped(TEXTS, **given)
    else:
        assert helped(TEXTS, **given) == gpt2(TEXTS, **given)


def test_an_assistant_with_another_vocabulary(gpt2):
    with pytest.raises(InputError, match="vocabulary"):
        make("gpt2", assistant_model=str(GOLDEN / "llama" / "causal"))("Paris")
    with pytest.raises(InputError, match="loaded"):
        gpt2("Paris", assistant_model="some/model")


@pytest.mark.parametrize("options", [{}, {"num_beams": 3, "num_return_sequences": 2}, {"do_sample": True, "seed": 4}])
def test_scores_tell_how_likely_each_token_was(gpt2, options):
    fixed = {"max_new_tokens": 6, "return_full_text": False, "do_sample": False} | options
    plain = gpt2("Paris is", **fixed)
    told = gpt2("Paris is", output_scores=True, **fixed)
    assert [one["generated_text"] for one in told] == [one["generated_text"] for one in plain]
    for one in told:
        assert "".join(token["text"] for token in one["tokens"]) == one["generated_text"]
        assert all(0 < token["score"] <= 1 for token in one["tokens"])
    assert "tokens" not in plain[0]


@pytest.mark.parametrize("beams", [1, 3])
def test_a_job_stops_at_a_token(gpt2, beams):
    heard = threading.Event()

    def slow(ids, scores):
        heard.set()
        time.sleep(0.02)
        return False

    before = caches()
    texts = ["Paris is", "The", "Who lives in London?"]
    how = {"max_new_tokens": 40, "min_new_tokens": 40, "num_beams": beams}
    job = gpt2.stream(texts, batch_size=1, stopping_criteria=[slow], **how)
    heard.wait(10)
    job.stop()
    start = time.monotonic()
    while not job.wait(1):
        pass
    assert time.monotonic() - start < 0.6  # 40 tokens would take longer
    assert job.state == "stopped"
    assert caches() == before
    assert gpt2("Paris is", max_new_tokens=2)


def test_beams_tell_the_best_text_so_far(gpt2):
    how = {"max_new_tokens": 6, "num_beams": 3, "return_full_text": False, "do_sample": False}
    *told, done = [event for event in gpt2.events(["Paris is"], **how) if isinstance(event, Partial | Done)]
    assert len(told) == 6
    assert told[-1].text == done.result[0]["generated_text"]


def test_memory_is_back_at_its_level_after_many_stopped_texts(gpt2):
    def begin_and_stop():
        events = gpt2.events(["Paris is"], max_new_tokens=50, min_new_tokens=50, do_sample=False)
        while not isinstance(next(events), Partial):
            pass
        events.close()

    for _ in range(3):
        begin_and_stop()
    gc.collect()
    tracemalloc.start()
    begin_and_stop()
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(20):
        begin_and_stop()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caches() == 0
    assert after - before < 50_000


@pytest.mark.parametrize(
    ("role", "template"),
    [("judge", "{% if messages[0].role != 'user' %}{{ raise_exception('only users') }}{% endif %}")],
)
def test_unknown_roles_are_what_the_template_says(llama, role, template):
    chat = [{"role": role, "content": "x"}]
    assert llama(chat, max_new_tokens=2)[0]["generated_text"][0]["role"] == role
    with pytest.raises(InputError, match="only users"):
        llama(chat, tokenizer_encode_kwargs={"chat_template": template})


def test_a_missing_pad_token_costs_nothing(gpt2):
    bare = make("gpt2")
    bare.tokenizer.pad_token = None
    given = {"max_new_tokens": 4, "do_sample": False}
    assert bare(TEXTS, **given) == gpt2(TEXTS, **given)
    assert bare(TEXTS, batch_size=3, return_tensors=True, **given) == gpt2(TEXTS, return_tensors=True, **given)


def test_prompts_may_be_named_as_the_documents_name_them(gpt2):
    assert gpt2(text_inputs="The", max_new_tokens=2, seed=1) == gpt2("The", max_new_tokens=2, seed=1)
