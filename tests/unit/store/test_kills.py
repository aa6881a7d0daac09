"""A run that is killed again and again, at any moment, is complete in the end: nothing lost, nothing twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("streaming_process.py")
BATCH = 64
KILLS = int(os.environ.get("NBPIPES_KILLS", "20"))


def killed(folder: Path, kills: int, kind: str) -> dict[str, int]:
    command = [sys.executable, str(SCRIPT), str(folder), str(kills), kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 5 * kills, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
@pytest.mark.parametrize(("kind", "kills", "again"), [("sqlite", KILLS, BATCH), ("shards", 5, None)])
def test_kills(tmp_path, kind, kills, again):
    found = killed(tmp_path, kills, kind)
    assert found["kills"] >= kills
    assert (found["lost"], found["twice"], found["wrong"]) == (0, 0, 0)
    assert again is None or found["again"] <= again
