"""A strict reader of the HTML that displays make."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

TAGS = {"div", "span", "mark", "sub", "bdi", "b", "i", "br", "pre"} | {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "img",
}
ATTRIBUTES = {"style", "class", "dir", "colspan", "alt", "width", "height", "src"}
VOID = {"br", "img"}


class Reader(HTMLParser):
    """Reads HTML, refuses what hosts would drop or repair, and keeps the texts.

    text: all text, a newline for each br.  bare: text outside sub elements.
    depths: open marks per character of `bare`.  images, alts: data and texts of img elements.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.images: list[str] = []
        self.alts: list[str] = []
        self.text = self.bare = ""
        self.depths: list[int] = []
        html.encode("utf-8")
        self.feed(html.replace("\r\n", "\n").replace("\r", "\n"))  # as browsers read it
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert len({name for name, _ in attrs}) == len(attrs)
        for name, value in attrs:
            assert name in ATTRIBUTES
            assert value is not None
            if name == "src":
                assert re.fullmatch(r"data:image/(jpeg|png);base64,[A-Za-z0-9+/]+=*", value)
                self.images.append(value)
            if name == "alt":
                self.alts.append(value)
            if name == "style":
                # Only what this package writes: no url(), no quotes, nothing of a user's.
                assert re.fullmatch(r"[-a-z0-9:;,.%#()A-F ]*", value), value
                assert "url" not in value
                assert "expression" not in value
        self.tags.append(tag)
        if tag in VOID:
            self.handle_data("\n")
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "sub" not in self.open:
            self.bare += data
            self.depths += [self.open.count("mark")] * len(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"declaration: {decl}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"declaration: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"instruction: {data}")


@pytest.fixture(scope="session")
def read() -> Callable[[str], Reader]:
    """Reads HTML strictly; see Reader."""
    return Reader
