"""The human-scored texts behind the demo sentiment model: fetched, checked, read and split.

They come inside the source distribution of vaderSentiment (MIT).  The texts themselves belong to others,
so they stay in a cache folder and never enter the repository.
"""

import ast
import hashlib
import io
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "vaderSentiment==3.3.2"
ARCHIVE = "vaderSentiment-3.3.2.tar.gz"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
LEXICON = "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt"
SOURCES = {
    "films": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "editorials": "nytEditorialSnippets",
    "tweets": "tweets",
}
# Two texts with this many words in a row in common are held to be copies of one another.
SHINGLE = 5

# pip asks a source package for its metadata before it keeps the file, which would run the package's setup.py.
# This stands in for setuptools in that one step, so nothing of the archive is executed.
BACKEND = """
from pathlib import Path


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = Path(metadata_directory, "vaderSentiment-3.3.2.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: vaderSentiment\\nVersion: 3.3.2\\n")
    return info.name


class __legacy__:
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
    prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
"""


@dataclass(frozen=True)
class Text:
    """One scored text: where it is from, and how many people found it negative, neutral and positive."""

    source: str
    document: str
    text: str
    votes: tuple[int, int, int]
    mean: float

    @property
    def label(self) -> int:
        """What most people said (0 negative, 1 neutral, 2 positive); a tie is neutral."""
        negative, neutral, positive = self.votes
        if max(negative, positive) <= neutral or negative == positive:
            return 1
        return 0 if negative > positive else 2


def fetch(cache: Path) -> Path:
    """The source distribution in `cache`, downloaded by pip if it is not there; its hash is checked either way."""
    archive = cache / ARCHIVE
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        download(cache)
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{archive} is not the pinned file: its sha256 differs. Delete it and run again.")
    return archive


def download(folder: Path) -> None:
    """Let pip put the pinned source distribution into `folder` without running anything that is in it."""
    with tempfile.TemporaryDirectory() as scratch:
        backend = Path(scratch, "setuptools")
        backend.mkdir()
        backend.joinpath("__init__.py").touch()
        backend.joinpath("build_meta.py").write_text(BACKEND)
        pinned = Path(scratch, "requirements.txt")
        pinned.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += ["--no-build-isolation", "--use-pep517", "--require-hashes", "-r", str(pinned)]
        subprocess.run([*command, "-d", str(folder)], check=True, env={**os.environ, "PYTHONPATH": scratch})


def read(archive: Path) -> tuple[list[Text], dict[str, list[int]]]:
    """Every scored text, and the scores that ten people gave to each word of the lexicon."""
    with tarfile.open(archive) as outer:
        lexicon = dict(words(lines(outer, LEXICON)))
        with tarfile.open(fileobj=outer.extractfile(INNER)) as inner:
            texts = [text for source in SOURCES for text in scored(inner, source)]
    return texts, lexicon


def lines(archive: tarfile.TarFile, name: str) -> Iterator[list[str]]:
    """The tab-separated fields of each line of one file of the archive."""
    member = archive.extractfile(name)
    for line in io.TextIOWrapper(member, encoding="utf-8-sig"):
        yield line.rstrip("\r\n").split("\t")


def words(rows: Iterable[list[str]]) -> Iterator[tuple[str, list[int]]]:
    """Lexicon entries as (word, scores)."""
    for word, _mean, _deviation, scores in rows:
        yield word, ast.literal_eval(scores)


def scored(archive: tarfile.TarFile, source: str) -> Iterator[Text]:
    """The texts of one source with their votes."""
    name = f"hutto_ICWSM_2014/{SOURCES[source]}"
    # The mean is counted again from the scores: for 196 tweets the published mean was altered.
    scores = {row[0]: ast.literal_eval(row[3]) for row in lines(archive, f"{name}_anonDataRatings.txt")}
    for key, _mean, text in lines(archive, f"{name}_GroundTruth.txt"):
        given = scores[key]
        document = f"{source}-{key.split('_')[0]}"
        yield Text(source, document, text, votes(given), sum(given) / len(given))


def votes(scores: Iterable[int]) -> tuple[int, int, int]:
    """How many scores are below, at and above zero."""
    signs = Counter((score > 0) - (score < 0) for score in scores)
    return signs[-1], signs[0], signs[1]


def split(texts: list[Text], seed: int) -> dict[str, list[Text]]:
    """About a tenth of each source's texts for the test, a tenth for validation, the rest for training.

    The sentences of one document, and documents that quote or repeat one another, stay together.
    """
    groups: dict[str, list[Text]] = {}
    family = families(texts)
    for text in texts:
        groups.setdefault(family[text.document], []).append(text)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    tenth = {source: count / 10 for source, count in Counter(text.source for text in texts).items()}
    parts: dict[str, list[Text]] = {"test": [], "validation": [], "train": []}
    filled = {part: Counter[str]() for part in parts}
    for root in order:
        source = groups[root][0].source
        open_parts = [part for part in ("test", "validation") if filled[part][source] < tenth[source]]
        part = (open_parts or ["train"])[0]
        parts[part] += groups[root]
        filled[part].update(text.source for text in groups[root])
    return parts


def families(texts: list[Text]) -> dict[str, str]:
    """Document -> the document that stands for all those that share a run of `SHINGLE` words with it."""
    parent = {text.document: text.document for text in texts}

    def root(document: str) -> str:
        while parent[document] != document:
            parent[document] = parent[parent[document]]
            document = parent[document]
        return document

    first: dict[tuple[str, ...], str] = {}
    for text in texts:
        spoken = re.findall(r"[a-z0-9']+", re.sub(r"@anonymous|http\S+", " ", text.text.lower()))
        for start in range(max(1, len(spoken) - SHINGLE + 1)):
            run = tuple(spoken[start : start + SHINGLE])
            parent[root(text.document)] = root(first.setdefault(run, text.document))
    return {document: root(document) for document in parent}
