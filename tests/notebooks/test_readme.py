"""The examples of the README that need no network run as they stand, one after the other."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_examples_run(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    own = [block for block in blocks if "model=" not in block or 'model="demo"' in block]
    assert len(own) >= 3
    # In a process of their own: one of them changes pandas.
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(own)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reviews.run").is_dir()
