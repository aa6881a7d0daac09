"""Repositories on the Hub: what is asked of it, what is cached, and what it may refuse."""

import pytest

MAIN, OLD = "a" * 40, "b" * 40
READ = """
repo = Repo("org/tiny")
out = [repo.json("config.json"), repo.path("vocab.txt").read_text(), repo.commit]
"""
ERROR = """
from nbpipes.errors import NbpipesError
try:
    {}
except NbpipesError as error:
    out = [type(error).__name__, str(error)]
"""


def test_files_are_downloaded_at_the_commit_of_the_config(hub, ask):
    assert ask(READ) == [{"model_type": "bert"}, "a\nb\n", MAIN]
    heads = [path for method, path, _ in hub.requests if method == "HEAD"]
    assert heads == ["/org/tiny/resolve/main/config.json", f"/org/tiny/resolve/{MAIN}/vocab.txt"]


def test_a_warm_cache_needs_one_request_however_many_files(hub, ask):
    looks = f"{READ}\nout += [repo.has(name) for name in ('added_tokens.json', '1_Pooling/config.json')]"
    first = ask(looks)
    hub.requests.clear()
    assert ask(looks) == first
    assert first[3:] == [False, True]
    assert (hub.asked("HEAD"), hub.asked("GET")) == (["config.json"], [])


def test_a_commit_as_revision_needs_no_request_once_cached(hub, ask):
    code = READ.replace('"org/tiny"', f'"org/tiny", revision="{MAIN}"')
    first = ask(code)
    hub.requests.clear()
    assert ask(code) == first
    assert hub.requests == []


def test_revision(ask):
    assert ask('repo = Repo("org/tiny", revision="old"); out = [repo.json("config.json"), repo.commit]') == [
        {"model_type": "old"},
        OLD,
    ]


def test_a_repository_without_config_is_pinned_too(hub, ask):
    hub.repos["org/bare"] = {MAIN: {"a.txt": b"a"}}
    code = 'repo = Repo("org/bare"); out = [repo.path("a.txt").read_text(), repo.commit]'
    assert ask(code) == ["a", MAIN]


def test_names_come_from_the_hub_and_offline_from_the_cache(ask):
    code = 'out = list(Repo("org/tiny").names())'
    assert ask(code) == ["1_Pooling/config.json", "config.json", "vocab.txt"]
    assert ask('repo = Repo("org/tiny", local_files_only=True); out = list(repo.names())') == ["config.json"]


@pytest.mark.parametrize("how", ["variable", "argument"])
def test_offline_reads_the_cache_and_asks_nothing(hub, ask, how):
    first = ask(READ)
    hub.requests.clear()
    if how == "variable":
        assert ask(READ + 'out.append(repo.has("other.json"))', HF_HUB_OFFLINE="1") == [*first, False]
    else:
        assert ask(READ.replace('"org/tiny"', '"org/tiny", local_files_only=True')) == first
    assert hub.requests == []


def test_an_unreachable_hub_with_a_cold_cache_is_explained(ask):
    kind, text = ask(ERROR.format('Repo("org/tiny").path("config.json")'), HF_HUB_OFFLINE="1")
    assert kind == "UnreachableError"
    for part in (
        "could not be reached",
        "'config.json'",
        "'org/tiny'",
        'model="demo"',
        "local folder",
        "offline",
    ):
        assert part in text


def test_a_hub_that_cannot_be_connected_to_is_told_at_once_and_the_cache_is_read(ask):
    first, nowhere = ask(READ), {"HF_ENDPOINT": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    code = "import time\nbegun = time.monotonic()" + ERROR.format('Repo("org/other").path("config.json")')
    kind, text, seconds = ask(f"{code}\nout.append(time.monotonic() - begun)", **nowhere)
    assert (kind, "refused" in text, seconds < 5) == ("UnreachableError", True, True)
    assert ask(READ, **nowhere) == first


def test_a_file_that_is_not_there(ask):
    kind, text = ask(ERROR.format('Repo("org/tiny").path("tokenizer.json")'))
    assert (kind, "'tokenizer.json'" in text, "'org/tiny'" in text) == ("RepoError", True, True)


def test_an_unknown_repository(ask):
    kind, text = ask(ERROR.format('Repo("org/unknown").has("config.json")'))
    assert (kind, "neither a folder here nor a model at" in text, "HF_TOKEN" in text) == (
        "RepoError",
        True,
        True,
    )


def test_an_unknown_revision(ask):
    kind, text = ask(ERROR.format('Repo("org/tiny", revision="nope").path("config.json")'))
    assert (kind, "no revision 'nope'" in text) == ("RepoError", True)


def test_a_gated_repository_says_where_to_accept_and_the_token_opens_it(hub, ask):
    hub.gated.add("org/tiny")
    kind, text = ask(ERROR.format('Repo("org/tiny").path("config.json")'))
    assert (kind, f"{hub.url}/org/tiny" in text, "HF_TOKEN" in text) == ("RepoError", True, True)
    assert ask('out = Repo("org/tiny", token="hf_secret").json("config.json")') == {"model_type": "bert"}
    assert hub.requests[-1][2] == "Bearer hf_secret"


def test_the_token_of_the_environment_is_sent(hub, ask):
    ask(READ, HF_TOKEN="hf_fromenv")
    assert {token for _, _, token in hub.requests} == {"Bearer hf_fromenv"}


def test_names_that_leave_the_repository_are_refused_before_asking(hub, ask):
    kind, _ = ask(ERROR.format('Repo("org/tiny").path("../other/config.json")'))
    assert (kind, hub.requests) == ("RepoError", [])


def test_cache_dir(ask, tmp_path):
    path = ask(f'out = str(Repo("org/tiny", cache_dir={str(tmp_path / "own")!r}).path("config.json"))')
    assert path.startswith(str(tmp_path / "own"))
