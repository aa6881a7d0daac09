"""A stand-in for the module kenlm, with scores drawn from words: what matters is that both sides ask the same."""

from pathlib import Path
from zlib import crc32


class State:
    """What a score depends on: the word before."""

    def __init__(self) -> None:
        self.before = ""


class Model:
    """path: of a file with the words that are known."""

    order = 2

    def __init__(self, path: str) -> None:
        self.path = path
        self.words = frozenset(Path(path).read_text(encoding="utf-8").split())

    def __contains__(self, word: str) -> bool:
        return word in self.words

    def BeginSentenceWrite(self, state: State) -> None:
        state.before = "<s>"

    def NullContextWrite(self, state: State) -> None:
        state.before = ""

    def BaseScore(self, before: State, word: str, after: State) -> float:
        after.before = word
        return -0.5 - crc32(f"{before.before} {word}".encode()) % 400 / 100
