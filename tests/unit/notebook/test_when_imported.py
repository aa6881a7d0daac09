"""Actions that wait for an import."""

import subprocess
import sys

from nbpipes.notebook.when_imported import when_imported

CODE = """
import sys
from nbpipes.notebook.when_imported import when_imported
seen = []
when_imported("colorsys", lambda: seen.append("colorsys" in sys.modules))
when_imported("no_such_module", lambda: seen.append("never"))
assert seen == []
import colorsys
assert seen == [True]
assert colorsys.rgb_to_hsv(1, 1, 1) == (0, 0, 1)
try:
    import no_such_module
except ModuleNotFoundError:
    pass
assert seen == [True]
"""


def test_the_action_runs_after_the_import():
    subprocess.run([sys.executable, "-c", CODE], check=True)


def test_a_module_that_is_there_needs_no_waiting():
    seen = []
    when_imported("sys", lambda: seen.append(1))
    assert seen == [1]
