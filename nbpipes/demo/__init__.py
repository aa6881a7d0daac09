"""The small models that come with nbpipes: `pipeline("text-classification", model="demo")`."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from nbpipes.errors import RepoError

FOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "automatic-speech-recognition": "digits",
        "image-segmentation": "shapes-segmenter",
        "object-detection": "shapes-detector",
        "table-question-answering": "tables",
        "text-classification": "sentiment",
    }
)


def folder(task: str) -> Path:
    """The folder of the demo model of a task; RepoError lists the tasks that have one."""
    if task not in FOLDERS:
        raise RepoError(f"there is no demo model for {task}; there is one for: {', '.join(FOLDERS)}")
    return Path(__file__).parent / FOLDERS[task]
