"""The backend of a repository: tokenizer.json, or the older files from before it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from nbpipes.errors import RepoError, TokenizerError
from nbpipes.hub.repo import Repo
from nbpipes.processing import sentencepiece
from nbpipes.processing.vocabulary import pieces
from nbpipes.processing.vocabulary.settings import PIECE_FILES, Settings, text_of

# How Qwen2 and CLIP cut a text before the bytes of each part are merged.
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
WORD_END = "</w>"

# What cuts the texts that shall be translated; "target.spm" beside it cuts nothing that is read here.
READER_FILES = ("source.spm", "sentencepiece.bpe.model")
LANGUAGE = re.compile(">>.+<<")

# CLIP's merges.txt is longer than its vocabulary: 49152 entries, less two special ones and 256 bytes in two forms.
CLIP_MERGES = 49152 - 512 - 2 + 1


def load(repo: Repo, settings: Settings) -> Tokenizer:
    """Return the backend of `repo`, without its tokens beside the vocabulary where it is built from older files.

    Raises TokenizerError where no file says what the vocabulary is, or where one is damaged.
    """
    if settings.from_json:
        with damage(repo, "tokenizer.json"):
            return Tokenizer.from_file(str(repo.path("tokenizer.json")))
    reads = settings.style.reads
    if reads == "wordpiece" and repo.has("vocab.txt"):
        with damage(repo, "vocab.txt"):
            return _wordpiece(repo.path("vocab.txt"), settings)
    if reads == "bytes" and repo.has("vocab.json") and repo.has("merges.txt"):
        with damage(repo, "vocab.json and merges.txt"):
            return _bytes(repo.path("vocab.json"), repo.path("merges.txt"), settings)
    if reads == "pieces":
        for name in PIECE_FILES:
            if repo.has(name):
                with damage(repo, name):
                    return pieces.build(sentencepiece.read(repo.path(name).read_bytes()), settings)
    if reads == "letters" and repo.has("vocab.json"):
        with damage(repo, "vocab.json"):
            return _letters(json.loads(repo.path("vocab.json").read_text(encoding="utf-8")), settings)
    raise TokenizerError(_missing(repo, settings))


def load_looked_up(repo: Repo, settings: Settings) -> tuple[Tokenizer, Tokenizer]:
    """Return the backends of a class that cuts text by a SentencePiece model and looks the pieces up in vocab.json.

    The first knows tokens and ids, the second cuts; it has ids of its own, which mean nothing.
    """
    name = next((name for name in READER_FILES if repo.has(name)), "")
    if not repo.has("vocab.json") or not name:
        raise TokenizerError(f"{repo.name!r} needs vocab.json and {' or '.join(READER_FILES)} for its tokenizer")
    with damage(repo, "vocab.json"):
        vocabulary = json.loads(repo.path("vocab.json").read_text(encoding="utf-8"))
        known = Tokenizer(models.WordLevel(vocabulary, unk_token=text_of(settings.tokens["unk_token"])))
        known.decoder = decoders.Metaspace(pieces.SPACE, prepend_scheme="always")
    with damage(repo, name):
        reader = pieces.build(sentencepiece.read(repo.path(name).read_bytes()), settings)
        # ">>fr<<" names the language to translate into.
        reader.add_tokens([AddedToken(token, normalized=False) for token in vocabulary if LANGUAGE.fullmatch(token)])
    return known, reader


@contextmanager
def damage(repo: Repo, name: str) -> Iterator[None]:
    """Name the file in whatever goes wrong while it is read; the tokenizers library raises bare Exceptions."""
    try:
        yield
    except RepoError:
        raise
    except Exception as error:
        raise TokenizerError(f"{name} of {repo.name!r} cannot be used: {error}") from error


def _missing(repo: Repo, settings: Settings) -> str:
    files = {
        "wordpiece": "vocab.txt",
        "bytes": "vocab.json with merges.txt",
        "pieces": " or ".join(PIECE_FILES),
        "letters": "vocab.json",
    }.get(settings.style.reads)
    kind = settings.style.name or "its tokenizer (tokenizer_class is not given)"
    if files is None:
        return f"{repo.name!r} has no tokenizer.json, and {kind} cannot be built from other files"
    return f"{repo.name!r} has no tokenizer.json, and for {kind} no {files} either"


def _wordpiece(path: Path, settings: Settings) -> Tokenizer:
    lines = path.read_text(encoding="utf-8").split("\n")
    words = {line: number for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines)}
    values = settings.values
    backend = Tokenizer(models.WordPiece(words, unk_token=text_of(settings.tokens.get("unk_token", "[UNK]"))))
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=bool(values.get("tokenize_chinese_chars")),
        strip_accents=values.get("strip_accents"),
        lowercase=bool(values.get("do_lower_case")),
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    return backend


def _bytes(vocabulary: Path, merges: Path, settings: Settings) -> Tokenizer:
    name = settings.style.name
    options: dict[str, Any] = {"continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False}
    # The first line names the version of the format, and the last one is empty.
    lines = merges.read_text(encoding="utf-8").split("\n")[1:-1]
    prefix = bool(settings.values.get("add_prefix_space", False))
    if name == "CLIPTokenizer":
        lines = lines[:CLIP_MERGES]
        options |= {"end_of_word_suffix": WORD_END, "unk_token": text_of(settings.tokens["unk_token"])}
    pairs = [(left, right) for left, right in (line.split() for line in lines if line.strip())]
    backend = Tokenizer(models.BPE(json.loads(vocabulary.read_text(encoding="utf-8")), pairs, **options))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    backend.decoder = decoders.ByteLevel()
    if name == "CLIPTokenizer":
        spaces = normalizers.Replace(Regex(r"\s+"), " ")
        backend.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
        cut = pre_tokenizers.Split(Regex(CLIP), behavior="removed", invert=True)
        last = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.pre_tokenizer = pre_tokenizers.Sequence([cut, last])
    elif name == "Qwen2Tokenizer":
        backend.normalizer = normalizers.NFC()
        cut = pre_tokenizers.Split(Regex(QWEN2), behavior="isolated")
        last = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=False)
        backend.pre_tokenizer = pre_tokenizers.Sequence([cut, last])
    return backend


def _letters(vocabulary: dict[str, Any], settings: Settings) -> Tokenizer:
    """Letters of speech, and a mark between words. Some files hold the letters of several languages."""
    language = settings.values.get("target_lang")
    if language is not None and language not in vocabulary:
        raise TokenizerError(f"there is no language {language!r} in vocab.json; there is: {', '.join(vocabulary)}")
    letters: dict[str, int] = vocabulary if language is None else vocabulary[language]
    blank, between = text_of(settings.tokens["pad_token"]), str(settings.values["word_delimiter_token"])
    backend = Tokenizer(models.WordLevel(letters, unk_token=text_of(settings.tokens["unk_token"])))
    backend.add_tokens([AddedToken(one, lstrip=True, rstrip=True, normalized=False) for one in letters if len(one) > 1])
    backend.normalizer = normalizers.Replace(" ", between)
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    backend.decoder = decoders.CTC(pad_token=blank, word_delimiter_token=between, cleanup=True)
    return backend
