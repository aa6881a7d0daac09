"""pandas' own tests pass with the accessor registered, and what plots with pandas goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = [
    "frame/methods/test_pipe.py",
    "groupby/test_pipe.py",
    "frame/test_api.py",
    "frame/test_subclass.py",
    "series/test_api.py",
    "series/test_subclass.py",
    "series/accessors",
    "test_register_accessor.py",
    "io/formats/style/test_style.py",
]
SEABORN = """
import matplotlib
matplotlib.use("agg")
from nbpipes.notebook.accessor import register
register()
import pandas as pd
import seaborn
df = pd.DataFrame({"x": [1, 2, 3, 4], "y": [1.0, 4.0, 9.0, 16.0], "kind": list("abab")})
assert df.pipe((seaborn.scatterplot, "data"), x="x", y="y", hue="kind").has_data()
assert seaborn.lmplot(df, x="x", y="y").ax.has_data()
"""


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments], env=environment, capture_output=True, text=True, timeout=280
    )


@pytest.mark.slow
def test_pandas_own_tests(tmp_path):
    root = Path(pytest.importorskip("pandas.tests").__file__).parent
    files = [str(root / name) for name in FILES]
    options = ["-q", "-p", "pandas_plugin", "-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", str(tmp_path)]
    done = python("-m", "pytest", *options, *files)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert int(done.stdout.rpartition(" passed")[0].split()[-1]) > 300


@pytest.mark.slow
def test_seaborn_plots():
    done = python("-c", SEABORN)
    assert done.returncode == 0, done.stderr[-2000:]
