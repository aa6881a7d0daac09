"""Spoken digits: sequences by free synthesisers in many voices, and one person's recordings to be scored on."""

import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 16_000
WORDS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
ACCENTS = ("en-us", "en-us-nyc", "en-gb", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
VARIANTS = """m1 m2 m3 m4 m6 m8 f1 f2 f3 f5 adam Alex Alicia Andrea Andy Annie aunty belinda benjamin boris caleb david
Denis Diogo ed edward Gene grandma grandpa Gustave Henrique iven jacky kaukovalta klatt klatt2 klatt3 klatt4 Lee linda
Marcelo Mario max Michael michel miguel Mike norbert pablo paul pedro quincy rob robert sandro shelby steph2 steph3
travis victor""".split()
PEOPLE = ("awb", "rms", "slt", "kal16")
"""flite's voices, each made of the recordings of a person."""

NEW_ACCENTS = ("en-gb-scotland", "en-gb-x-gbcwmd")
NEW_VARIANTS = ("m5", "m7", "f4", "john", "Marco", "Hugo", "steph", "anika")
"""Heard in training by nobody: neither these accents nor these voices."""

GRAIN = 400
"""Samples of sound that are moved as a whole where a word is drawn out."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sound at RATE, what is said in it, and, where that is known, the samples from and to which each word lasts."""

    samples: Samples
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()


# ---------------------------------------------------------------- synthesisers


def single(count: int, seed: int) -> list[Spoken]:
    """Single digits, to be put together: `count` times all ten by one voice of those to learn from."""
    draw = random.Random(seed)
    said = [learnt_from(WORDS[n % 10 :] + WORDS[: n % 10], ", ", draw, n) for n in range(count)]
    return [word for one in said for word in parted(one)]


def fluent(count: int, seed: int) -> list[Spoken]:
    """Sequences of two to five digits as these voices say them in one go."""
    draw = random.Random(seed)
    return [learnt_from(draw.choices(WORDS, k=draw.randint(2, 5)), " ", draw, number) for number in range(count)]


def learnt_from(words: Sequence[str], pause: str, draw: random.Random, number: int) -> Spoken:
    """Words by a voice to learn from: three times in four one of espeak-ng's, else one of flite's."""
    if number % 4:
        return espeak(words, pause, draw.choice(ACCENTS), draw.choice(VARIANTS), draw)
    stretch, pitch = draw.uniform(0.75, 1.8), draw.uniform(80, 240)
    settings = ["--setf", f"duration_stretch={stretch:.2f}", "--setf", f"int_f0_target_mean={pitch:.0f}"]
    command = ["flite", "-voice", draw.choice(PEOPLE), *settings, "-t", pause.join(words).lower(), "-o"]
    return Spoken(written(command), tuple(words))


def unheard(count: int, seed: int, pause: str = " ") -> Iterator[Spoken]:
    """Sequences of one to five digits by espeak-ng in accents and voices that are kept out of training."""
    draw = random.Random(seed)
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(1, 5))
        yield espeak(words, pause, draw.choice(NEW_ACCENTS), draw.choice(NEW_VARIANTS), draw)


def unheard_together(count: int, seed: int) -> list[Spoken]:
    """Sequences of their single digits, put together, so that the time of each word is known."""
    draw = random.Random(seed)
    voices = [(draw.choice(NEW_ACCENTS), draw.choice(NEW_VARIANTS)) for _ in range(count // 4)]
    spoken = [parted(espeak(WORDS, ", ", *voice, draw)) for voice in voices]
    chosen = [draw.choices(draw.choice([one for one in spoken if one]), k=draw.randint(1, 5)) for _ in range(count)]
    return [together(words, [draw.randint(0, 6000) for _ in words]) for words in chosen]


def unheard_person(count: int, seed: int) -> Iterator[Spoken]:
    """Sequences by festival's voice ked, made of the recordings of a man whom no voice of the training is made of."""
    draw = random.Random(seed)
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(1, 5))
        stretch = f"(Parameter.set 'Duration_Stretch {draw.uniform(0.8, 1.4):.2f})"
        command = ["text2wave", "-eval", f"(begin (voice_ked_diphone) {stretch})", "-o"]
        yield Spoken(written(command, told=" ".join(words).lower()), tuple(words))


def espeak(words: Sequence[str], pause: str, accent: str, variant: str, draw: random.Random) -> Spoken:
    """Words by espeak-ng, at any speed and pitch."""
    speed, pitch = draw.randint(85, 220), draw.randint(10, 90)
    voice = ["-v", f"{accent}+{variant}", "-s", str(speed), "-p", str(pitch)]
    return Spoken(written(["espeak-ng", *voice, pause.join(words).lower(), "-w"]), tuple(words))


def written(command: Sequence[str], told: str = "") -> Samples:
    """The sound that a command writes into the file that is its last argument. told: what it reads."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder, "sound.wav")
        subprocess.run([*command, str(sound)], input=told.encode(), check=True, capture_output=True)
        return read(sound)


def read(path: Path) -> Samples:
    """A file of sound at RATE."""
    samples, rate = soundfile.read(path, dtype="float32")
    return soxr.resample(samples, rate, RATE)


# ---------------------------------------------------------------- words apart and together


def parted(one: Spoken) -> list[Spoken]:
    """The words of a sound that has pauses between them, each by itself; none where the pauses are not found."""
    step, pause = RATE // 100, 11  # a stop inside a word is shorter
    count = len(one.samples) // step
    loud = np.abs(one.samples[: count * step]).reshape(count, step).max(1) > 0.02 * np.abs(one.samples).max()
    places = np.flatnonzero(loud)
    cuts = np.flatnonzero(np.diff(places) > pause)
    spans = zip(places[[0, *(cuts + 1)]], places[[*cuts, -1]] + 1, strict=True)
    found = [one.samples[start * step : end * step] for start, end in spans]
    if len(found) != len(one.words):
        return []
    level = np.sqrt(np.mean(one.samples**2)) * 10
    return [Spoken(part / level, (word,), ((0, len(part)),)) for part, word in zip(found, one.words, strict=True)]


def together(words: Sequence[Spoken], pauses: Sequence[int]) -> Spoken:
    """Single words one after the other, with a pause of so many samples after each."""
    at, parts, spans = 0, [], []
    for word, pause in zip(words, pauses, strict=True):
        spans.append((at, at + len(word.samples)))
        parts += [word.samples, np.zeros(pause, np.float32)]
        at = spans[-1][1] + pause
    return Spoken(np.concatenate(parts), tuple(word.words[0] for word in words), tuple(spans))


# ---------------------------------------------------------------- hearing


def changed(one: Spoken, draw: np.random.Generator) -> Spoken:
    """A sound as another speaker, room and microphone may give it, with some silence around it.

    All of it happens to the spectrum, which takes two Fourier transforms of a size that makes them quick.
    """
    speed = draw.uniform(0.7, 1.25)
    samples = np.interp(np.arange(0, len(one.samples) - 1, speed), np.arange(len(one.samples)), one.samples)
    before, after = draw.integers(0, 6400, 2)
    samples = np.pad(samples, (before, after + -(before + len(samples) + after) % 1600))
    size = len(samples)
    spectrum = np.fft.rfft(samples)
    if draw.random() < 0.4:
        spectrum *= np.fft.rfft(room(draw), size)
    spectrum *= colour(draw, len(spectrum))
    spectrum += noise(spectrum, draw)
    if draw.random() < 0.5:
        spectrum *= colour(draw, len(spectrum))  # the noise comes through a microphone, or a telephone, too
    samples = np.fft.irfft(spectrum, size).astype(np.float32)
    spans = tuple((before + round(start / speed), before + round(end / speed)) for start, end in one.spans)
    return Spoken(normal(samples), one.words, spans)


def drawn_out(word: Spoken, draw: np.random.Generator) -> Spoken:
    """A single word whose end lasts longer, at the same pitch, and fades, as people say the last words of a sentence.

    It is put together of grains that overlap by half, which lie closer in what they are taken from.
    """
    begin, slower = int(len(word.samples) * draw.uniform(0.3, 0.8)), draw.uniform(1, 2.2)
    count = int((begin + (len(word.samples) - begin) * slower) / GRAIN) * 2  # two for each of their lengths
    at = np.arange(count) * GRAIN // 2
    places = np.minimum(at, begin) + np.maximum(at - begin, 0) / slower
    grains = np.pad(word.samples, (0, GRAIN))[places.astype(int)[:, None] + np.arange(GRAIN)] * np.hanning(GRAIN)
    whole = grains[::2].ravel()
    whole[GRAIN // 2 :] += grains[1::2].ravel()[: -GRAIN // 2]
    last = np.maximum(np.arange(len(whole)) - begin, 0) / max(1, len(whole) - begin)
    whole *= 10 ** (-draw.uniform(0, 35) / 20 * last)
    return Spoken(whole.astype(np.float32), word.words, ((0, len(whole)),))


def room(draw: np.random.Generator) -> NDArray[np.float64]:
    """How a room answers a click: the click, then noise that fades within a quarter of a second at most."""
    echo = draw.standard_normal(4000) * np.exp(-np.arange(4000) / draw.uniform(150, 1200)) * draw.uniform(0.02, 0.15)
    echo[0] = 1
    return echo


def colour(draw: np.random.Generator, count: int) -> NDArray[np.float64]:
    """How loud so many frequencies come through a microphone, or a telephone, which leaves out the outer ones."""
    hertz = np.array([0, 150, 400, 1000, 2000, 3300, 4000, 8000])
    decibels = draw.uniform(-8, 8, len(hertz))
    if draw.random() < 0.4:
        decibels[-2:] = -50
    if draw.random() < 0.4:
        decibels[0] = -40
    return 10 ** (np.interp(np.linspace(0, 8000, count), hertz, decibels) / 20)


def noise(spectrum: NDArray[np.complex128], draw: np.random.Generator) -> NDArray[np.complex128]:
    """The spectrum of noise, maybe louder at lower frequencies, from plainly audible beside a sound to none."""
    count = len(spectrum)
    found = draw.standard_normal(count) + 1j * draw.standard_normal(count)
    found /= (100 + np.arange(count)) ** draw.uniform(0, 1)
    level = np.linalg.norm(spectrum) / np.linalg.norm(found)
    return found * level * 10 ** (-draw.uniform(10, 80) / 20)


def normal(samples: Samples) -> Samples:
    """Mean 0, variance 1: what the feature extractor makes."""
    return ((samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)).astype(np.float32)


def recorded(folder: Path, count: int, seed: int) -> list[Spoken]:
    """A person's recordings of single digits, `0.wav` to `9.wav`, and sequences of them with pauses between."""
    draw = random.Random(seed)
    digits = [Spoken(read(folder / f"{number}.wav"), (word,)) for number, word in enumerate(WORDS)]
    found = digits.copy()
    for _ in range(count):
        words = draw.choices(digits, k=draw.randint(2, 6))
        one = together(words, [draw.randint(800, 4000) for _ in words])
        found.append(Spoken(one.samples, one.words))  # its words begin somewhere in their recordings
    return found
