"""The backend of a repository: tokenizer.json, or the older files from before it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from nbpipes.errors import RepoError, TokenizerError
from nbpipes.hub.repo import Repo
from nbpipes.processing import sentencepiece
from nbpipes.processing.vocabulary import pairs, pieces
from nbpipes.processing.vocabulary.settings import PIECE_FILES, Settings, text_of

# How Qwen2 and CLIP cut a text before the bytes of each part are merged.
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
WORD_END = "</w>"

# Classes that cut by one file and look ids up in another.
LOOKED_UP = ("looked up", "pairs")

# What cuts the texts that shall be translated; "target.spm" beside it cuts nothing that is read here.
READER_FILES = ("source.spm", "sentencepiece.bpe.model")

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


@dataclass(frozen=True, slots=True)
class LookedUpParts:
    """What a tokenizer is made of whose ids stand in a vocab.json.

    known: has tokens and ids. reader: cuts text; it has ids of its own, which mean nothing. names: ids by what the
    reader calls tokens, None where it calls them as they are. writer: has the tokens and ids of what is written, where
    they are others than those of what is read. coded: texts may begin with the language to translate into (">>fr<<").
    """

    known: Tokenizer
    reader: Tokenizer
    names: Mapping[str, int] | None = None
    writer: Tokenizer | None = None
    coded: bool = False


def load_looked_up(repo: Repo, settings: Settings) -> LookedUpParts:
    """Return the backends of a class that cuts text by one file and looks the parts up in vocab.json.

    Raises TokenizerError where a file is missing or damaged.
    """
    if settings.style.reads == "pairs":
        return _merged(repo, settings)
    name = next((name for name in READER_FILES if repo.has(name)), "")
    if not repo.has("vocab.json") or not name:
        raise TokenizerError(f"{repo.name!r} needs vocab.json and {' or '.join(READER_FILES)} for its tokenizer")
    known = _words(repo, "vocab.json", settings)
    with damage(repo, name):
        reader = pieces.build(sentencepiece.read(repo.path(name).read_bytes()), settings)
    apart = settings.values.get("separate_vocabs")
    writer = _words(repo, "target_vocab.json", settings) if apart else None
    return LookedUpParts(known, reader, writer=writer, coded=settings.style.name == "MarianTokenizer")


def _words(repo: Repo, name: str, settings: Settings) -> Tokenizer:
    """A backend that knows the vocabulary of a file."""
    with damage(repo, name):
        vocabulary: dict[str, int] = json.loads(repo.path(name).read_text(encoding="utf-8"))
        known = Tokenizer(models.WordLevel(vocabulary, unk_token=text_of(settings.tokens["unk_token"])))
    known.decoder = decoders.Metaspace(pieces.SPACE, prepend_scheme="always")
    return known


def _merged(repo: Repo, settings: Settings) -> LookedUpParts:
    if not repo.has("vocab.json") or not repo.has("merges.txt"):
        raise TokenizerError(_missing(repo, settings))
    unknown = text_of(settings.tokens["unk_token"])
    with damage(repo, "vocab.json and merges.txt"):
        vocabulary: dict[str, int] = json.loads(repo.path("vocab.json").read_text(encoding="utf-8"))
        reader = pairs.cutter(vocabulary, _merges(repo.path("merges.txt")), unknown)
        return LookedUpParts(
            pairs.words(vocabulary, unknown), reader, {pairs.inner(token): i for token, i in vocabulary.items()}
        )


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
        "pairs": "vocab.json with merges.txt",
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


def _merges(path: Path) -> list[tuple[str, str]]:
    # The first line names the version of the format, and the last one is empty.
    lines = path.read_text(encoding="utf-8").split("\n")[1:-1]
    return [(left, right) for left, right in (line.split() for line in lines if line.strip())]


def _bytes(vocabulary: Path, merges: Path, settings: Settings) -> Tokenizer:
    name = settings.style.name
    options: dict[str, Any] = {"continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False}
    pairs = _merges(merges)
    prefix = bool(settings.values.get("add_prefix_space", False))
    if name == "CLIPTokenizer":
        pairs = pairs[:CLIP_MERGES]
        options |= {"end_of_word_suffix": WORD_END, "unk_token": text_of(settings.tokens["unk_token"])}
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
