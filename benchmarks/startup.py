"""How long it takes to import nbpipes and to build a pipeline, next to transformers (make bench).

Every figure is the median over fresh processes, ours and theirs in turn, so that a busy machine disturbs both alike.
"build" is the pipeline() call alone, "ready" the time from the first import to a pipeline that can be called.
"""

import argparse
import json
import os
import subprocess
import sys
from statistics import median

from checkpoint import brought

FIRST_IMPORT = {"nbpipes": "import nbpipes", "transformers": "from transformers import pipeline"}
SCRIPT = """
import json, sys
from time import perf_counter
start = perf_counter()
{first}
imported = perf_counter() - start
from {package} import pipeline
before = perf_counter()
pipeline("feature-extraction", model={model!r}, device={device!r})
done = perf_counter()
print(json.dumps({{"import": imported, "build": done - before, "ready": done - start}}))
"""
TARGETS = {"import": 0.25, "build": 0.7}
"""What we hold ourselves to: parts of the time of transformers."""


def measure(package: str, model: str, device: str) -> dict[str, float]:
    """Seconds that one fresh process takes."""
    script = SCRIPT.format(first=FIRST_IMPORT[package], package=package, model=model, device=device)
    quiet = os.environ | {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=quiet, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="folder of an encoder (default: all-MiniLM-L6-v2, from the package index)")
    parser.add_argument("--device", default="cpu", help="where the pipeline is built")
    parser.add_argument("--repeat", type=int, default=7, help="processes for each package")
    chosen = parser.parse_args()
    model = chosen.model or str(brought("all-MiniLM-L6-v2"))
    for package in FIRST_IMPORT:
        measure(package, model, chosen.device)  # files into the system's cache, byte code onto the disk
    runs: dict[str, list[dict[str, float]]] = {package: [] for package in FIRST_IMPORT}
    for _ in range(chosen.repeat):
        for package, found in runs.items():
            found.append(measure(package, model, chosen.device))
    print(f"{'seconds':<10}{'nbpipes':>10}{'transformers':>15}{'ratio':>8}{'target':>8}")
    for name in ("import", "build", "ready"):
        ours, theirs = (median(run[name] for run in runs[package]) for package in FIRST_IMPORT)
        target = f"{TARGETS[name]:.2f}" if name in TARGETS else "-"
        print(f"{name:<10}{ours:>10.3f}{theirs:>15.3f}{ours / theirs:>8.2f}{target:>8}")


if __name__ == "__main__":
    main()
