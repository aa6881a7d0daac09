#!/usr/bin/env python3
"""Bring recordings of people who speak, from Debian's packages of telephone prompts, into a cache.

    python notebooks/recordings.py [TARGET]

The packages are pinned by sha256 and fetched by ``apt-get download``, which needs no rights; they are read as
archives, and nothing in them is installed or run. TARGET is ``recordings`` beside the checkpoints when it is not given.

A notebook says ``from recordings import folder`` and ``folder("english") / "demo-congrats.wav"``. Needs the standard
library and, on a machine without Debian's packages, that somebody puts them into TARGET.
"""

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from checkpoints import cache


@dataclass(frozen=True)
class Recordings:
    """A pinned package, and the folder inside it that holds the recordings."""

    package: str
    version: str
    sha256: str
    inside: str

    @property
    def file(self) -> str:
        return f"{self.package}_{self.version}_all.deb"


RECORDINGS = {
    "english": Recordings(
        "asterisk-core-sounds-en-wav",
        "1.6.1-1",
        "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
        "usr/share/asterisk/sounds/en_US_f_Allison",
    ),
    "french": Recordings(
        "asterisk-core-sounds-fr-wav",
        "1.6.1-1",
        "8d4e1bc32ed5ba7fbda40841ca1825ed20cc6232724a473c90f8bb0e53e6073e",
        "usr/share/asterisk/sounds/fr_CA_f_June",
    ),
}
"""Spoken by Allison Smith and June Wallack, both CC-BY-SA-3.0."""


def folder(name: str, target: Path | None = None) -> Path:
    """The folder of the recordings ``name`` under ``target``, brought there first if need be.

    It is built under a temporary name and renamed when it is whole, so one that exists is complete.

    Raises:
        KeyError: no recordings have that name.
        RuntimeError: the package could not be downloaded, or is not the pinned one.
    """
    if name not in RECORDINGS:
        raise KeyError(f"no recordings {name!r}; there are {', '.join(RECORDINGS)}")
    target = target or cache().parent / "recordings"
    path = target / name
    if not path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=target) as scratch:
            made = Path(scratch, "made")
            unpack(package(RECORDINGS[name], target, Path(scratch)), RECORDINGS[name].inside, made)
            try:
                made.rename(path)
            except OSError:
                if not path.is_dir():  # otherwise another process was faster, and its folder is as good
                    raise
    return path


def package(wanted: Recordings, target: Path, scratch: Path) -> bytes:
    """The package that lies in ``target``, or else is downloaded into ``scratch``; its hash is checked either way."""
    there = target / wanted.file
    data = there.read_bytes() if there.is_file() else download(wanted, scratch)
    digest = hashlib.sha256(data).hexdigest()
    if digest != wanted.sha256:
        raise RuntimeError(f"{wanted.file} has sha256 {digest}, expected {wanted.sha256}; it was not used")
    return data


def download(wanted: Recordings, scratch: Path) -> bytes:
    """Fetch a package with apt-get; root reads the lists anew where they do not name it."""
    command = ["apt-get", "download", "--quiet", f"{wanted.package}={wanted.version}"]
    print(f"downloading {wanted.package} {wanted.version}", file=sys.stderr)
    try:
        ran = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
        if ran.returncode and os.geteuid() == 0:
            subprocess.run(["apt-get", "update", "--quiet"], capture_output=True, check=False)
            ran = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError(
            f"this machine has no apt-get: get {wanted.file} from Debian and put it into TARGET"
        ) from None
    found = list(scratch.glob("*.deb"))
    if ran.returncode or not found:
        raise RuntimeError(f"apt-get could not download {wanted.package}:\n{ran.stderr.strip()}")
    return found[0].read_bytes()


def unpack(package: bytes, inside: str, target: Path) -> None:
    """Write the sounds under a folder of a Debian package, and its copyright, into ``target``."""
    with tarfile.open(fileobj=io.BytesIO(data_of(package))) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            known = path.is_relative_to(inside) and path.suffix == ".wav"
            content = archive.extractfile(member) if known or path.name == "copyright" else None
            if content is None or ".." in path.parts:
                continue
            place = target / (path.relative_to(inside) if known else path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.read())


def data_of(package: bytes) -> bytes:
    """The archive of files in a package, which is an ar: members behind headers of 60 bytes, at even places."""
    at = 8
    while package.startswith(b"!<arch>\n") and at < len(package):
        name, size = package[at : at + 16].strip(), int(package[at + 48 : at + 58])
        if name.startswith(b"data.tar"):
            return package[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise ValueError("this is no package of Debian")


def main() -> None:
    """Bring the recordings and print their folders, one a line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("target", nargs="?", type=Path)
    chosen = parser.parse_args()
    try:
        for name in RECORDINGS:
            print(folder(name, chosen.target))
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
