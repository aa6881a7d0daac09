"""Offsets count code points in Python and UTF-16 units in the browser: both mean the same characters."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KIT = Path(__file__).parents[3] / "js" / "src" / "offsets.js"
# Emoji with modifiers and joiners, combining marks, right-to-left letters, what lies outside of the first plane, lines.
PIECES = ["a", "é", "e\u0301", "👩🏽‍💻", "🏳️‍🌈", "شرم", "ا", "\n", "\r\n", "𝕏", "漢", "\u200f", "\u202e", " ", "नि"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=40)
SCRIPT = """
import { readFileSync } from "node:fs";
const { offsets } = await import(process.argv[1]);
const cases = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(([text, start, end]) => {
  const unit = offsets(text);
  return text.slice(unit(start), unit(end));
})));
"""


def test_the_browser_cuts_what_python_cuts() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    cases: list[tuple[str, int, int]] = []

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(TEXTS, st.data())
    def collect(pieces: list[str], data: st.DataObject) -> None:
        text = "".join(pieces)
        start = data.draw(st.integers(0, len(text)))
        cases.append((text, start, data.draw(st.integers(start, len(text)))))

    collect()
    command = [node, "--input-type=module", "-e", SCRIPT, KIT.as_uri()]
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [text[start:end] for text, start, end in cases]
    assert sum(any(ord(letter) > 0xFFFF for letter in text[:start]) for text, start, _ in cases) > 50
