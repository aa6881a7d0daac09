"""From sounds of any length to texts: window by window, each beginning where the text of the last one ended.

The rules are those of transformers 4.57 (https://arxiv.org/abs/2212.04356, 4.5 and appendix D).
"""

import math
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nbpipes.generation.generate import writer
from nbpipes.generation.logits import UserProcessor
from nbpipes.generation.loop import Request, Written
from nbpipes.generation.settings import Settings
from nbpipes.generation.stopping import UserCriterion
from nbpipes.generation.whisper.listening import Listener, Memory
from nbpipes.generation.whisper.rules import Timestamps
from nbpipes.generation.whisper.segments import STEP, Segment, cut
from nbpipes.generation.whisper.settings import Tokens, Wishes, opening, unknown_language
from nbpipes.generation.whisper.words import SECONDS, token_times

LOW = 0.5
"""A text that was drawn at this temperature or above says nothing about what comes next."""


class Sound(Protocol):
    """A spectrogram. frames: its length. heard: how many frames of it are no padding."""

    frames: int
    heard: int

    def window(self, start: int, length: int) -> Tensor:
        """Frames from `start` on, `(mels, length)`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How sounds are to be transcribed.

    frames: of a window. limit: ids that a text may have. heads: those of the decoder that follow the sound (layer, head
    in it), if it is wanted when words are said; width: of the filter over what they look at. vocabulary: how many ids
    there are. times: whether texts have timestamps.
    """

    settings: Settings
    wishes: Wishes
    tokens: Tokens
    frames: int
    limit: int
    vocabulary: int
    times: bool
    heads: Sequence[tuple[int, int]] = ()
    width: int = 7
    logits_processor: Sequence[UserProcessor] = ()
    stopping_criteria: Sequence[UserCriterion] = ()


@dataclass(slots=True)
class Track:
    """One sound under way. seek: the frame where the next window begins. pending: new ids of the window under way.

    narrow: no beams any more, since a text had to be drawn. conditioned: the next window sees the texts before it.
    """

    sound: Sound
    number: int
    conditioned: bool
    seek: int = 0
    language: str | None = None
    opening: list[int] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    narrow: bool = False

    @property
    def open(self) -> bool:
        return self.seek < self.sound.frames

    @property
    def share(self) -> float:
        """How much of the sound is done."""
        return min(1.0, self.seek / max(1, self.sound.frames))


class Transcription:
    """Transcribes several sounds at once; each gets the text that it would get alone.

    while not work.finished:
        work.advance()
    work.tracks
    """

    def __init__(self, listener: Listener, sounds: Sequence[Sound], plan: Plan) -> None:
        self.listener, self.plan = listener, plan
        conditioned = bool(plan.wishes.condition_on_prev_tokens)
        self.tracks = [Track(sound, i, conditioned) for i, sound in enumerate(sounds)]
        self.rules = (Timestamps(plan.tokens),) if plan.times else ()
        self.finished = False
        self._steps = self._run()

    @torch.inference_mode()
    def advance(self) -> list[Track]:
        """One step: new windows are heard, or a token is written. Returns the tracks that have more text by it."""
        try:
            return next(self._steps)
        except StopIteration:
            self.finished = True
            return []

    def _run(self) -> Iterator[list[Track]]:
        while tracks := [track for track in self.tracks if track.open]:
            windows = [track.sound.window(track.seek, self.plan.frames) for track in tracks]
            memory = self.listener.hear(torch.stack(windows))
            self._begin([track for track in tracks if not track.opening], memory)
            yield []
            groups: dict[tuple[int, bool], list[int]] = {}
            for i, track in enumerate(tracks):
                groups.setdefault((len(self._prompt(track)), track.narrow), []).append(i)
            for members in groups.values():
                own = [tracks[i] for i in members]
                yield from self._window(own, memory.pick(members))
                yield own

    def _begin(self, tracks: Sequence[Track], memory: Memory) -> None:
        """Finds out languages. All of these tracks are at their beginning."""
        plan = self.plan
        for track in tracks:
            track.language = plan.wishes.code
        if tracks and unknown_language(plan.tokens, plan.wishes):
            logits = self.listener.words_at(memory, [[plan.tokens.start]] * len(tracks), 0)
            codes, ids = zip(*plan.tokens.languages.items(), strict=True)
            for track, place in zip(tracks, logits[:, list(ids)].argmax(-1).tolist(), strict=True):
                track.language = codes[place]
        for track in tracks:
            track.opening = opening(plan.tokens, plan.wishes, track.language, times=plan.times)

    def _prompt(self, track: Track) -> list[int]:
        """What a window's text begins with: what was said before, if that is wanted, and the opening."""
        plan, wishes = self.plan, self.plan.wishes
        given = [] if wishes.prompt_ids is None else list(wishes.prompt_ids)
        everywhere = wishes.prompt_condition_type == "all-segments"
        first = given[given[0] == plan.tokens.previous :] if given and not everywhere else []
        if not track.conditioned or not (track.segments or first):
            return given + track.opening
        before = [*first, *(token for segment in track.segments for token in self._remembered(segment))]
        mark = [] if plan.tokens.previous is None else [plan.tokens.previous]
        kept = before[-(plan.limit // 2 - 1) :]
        return [*(given if everywhere and given else mark), *kept, *track.opening]

    def _remembered(self, segment: Segment) -> Sequence[int]:
        """The ids of a segment without the second of two timestamps at its end."""
        tokens = segment.tokens
        double = len(tokens) > 2 and tokens[-2] >= self.plan.tokens.times
        return tokens[:-1] if double else tokens

    def _window(self, tracks: Sequence[Track], memory: Memory) -> Iterator[list[Track]]:
        """Writes one window of each track. Texts that are not good enough are tried again at higher temperatures."""
        plan = self.plan
        prompts = [self._prompt(track) for track in tracks]
        silence = self._silence(prompts, tracks, memory)
        waiting = list(range(len(tracks)))
        for attempt, temperature in enumerate(plan.wishes.temperatures):
            last = attempt == len(plan.wishes.temperatures) - 1
            own = [tracks[i] for i in waiting]
            written = yield from self._write([prompts[i] for i in waiting], own, memory.pick(waiting), temperature)
            failed = []
            for i, text in zip(waiting, written, strict=True):
                skip = self._is_silence(text, silence[i])
                if not last and not skip and self._is_bad(text):
                    failed.append(i)
                else:
                    self._take(tracks[i], prompts[i], text, memory.pick([i]), skip=skip)
                tracks[i].conditioned = bool(plan.wishes.condition_on_prev_tokens) and temperature < LOW
            waiting = failed
            if not waiting:
                return

    def _write(
        self, prompts: list[list[int]], tracks: Sequence[Track], memory: Memory, temperature: float
    ) -> Generator[list[Track], None, list[Written]]:
        """Writes texts about sounds at a temperature, with prompts of equal length."""
        plan = self.plan
        for track in tracks:
            track.pending, track.narrow = [], track.narrow or temperature > 0
        beams = 1 if tracks[0].narrow else plan.settings.num_beams
        settings = replace(plan.settings, do_sample=temperature > 0, temperature=temperature or 1.0, num_beams=beams)
        request = Request(
            inputs=self.listener.about(memory, prompts),
            prompts=prompts,
            settings=settings,
            limit=plan.limit,
            rules=self.rules,
            logits_processor=plan.logits_processor,
            stopping_criteria=plan.stopping_criteria,
            judged=plan.wishes.logprob_threshold is not None,
        )
        work = writer(self.listener, request)
        while not work.finished:
            progress = work.advance()
            for number, tokens in progress.added.items():
                tracks[number].pending = progress.after(tracks[number].pending, tokens)
            yield [tracks[number] for number in progress.added]
        return [texts[0] for texts in work.results()]

    def _silence(self, prompts: list[list[int]], tracks: Sequence[Track], memory: Memory) -> list[float]:
        """How likely it is that there is nothing to hear, if somebody wants to know; by the first id of the opening."""
        bare = self.plan.tokens.bare
        if self.plan.wishes.no_speech_threshold is None or bare is None:
            return [0.0] * len(tracks)
        logits = self.listener.words_at(memory, prompts, len(prompts[0]) - len(tracks[0].opening))
        return logits.softmax(-1)[:, bare - 1].tolist()

    def _is_silence(self, text: Written, silence: float) -> bool:
        wishes = self.plan.wishes
        if wishes.no_speech_threshold is None or wishes.logprob_threshold is None:
            return False
        return silence > wishes.no_speech_threshold and _mean(text) < wishes.logprob_threshold

    def _is_bad(self, text: Written) -> bool:
        """Whether a text repeats itself, or is too unlikely."""
        wishes = self.plan.wishes
        ratio, least = wishes.compression_ratio_threshold, wishes.logprob_threshold
        if ratio is not None and repetition(text.tokens, self.plan.vocabulary) > ratio:
            return True
        return least is not None and _mean(text) < least

    def _take(self, track: Track, prompt: list[int], text: Written, memory: Memory, *, skip: bool) -> None:
        """Adds the segments of a text to those of its sound, and goes on to the next window."""
        plan, frames = self.plan, min(self.plan.frames, track.sound.frames - track.seek)
        track.pending = []
        if skip:
            track.seek += frames
            return
        tokens = text.tokens[:-1] if text.tokens[-1] == plan.tokens.end else text.tokens
        pieces, step = cut(tokens, plan.tokens.times, frames)
        times = self._times(track, prompt, text.tokens, memory) if plan.heads else None
        for begin, end in pieces:
            own = None if times is None else tuple(times[begin:end])
            track.segments.append(Segment(tuple(tokens[begin:end]), own))
        track.seek += step

    def _times(self, track: Track, prompt: list[int], tokens: Sequence[int], memory: Memory) -> list[float]:
        """When each token of a window's text was said, in seconds from the beginning of the sound."""
        ids, states = [*prompt, *tokens[:-1]], (track.sound.heard - track.seek) // STEP
        looks = self.listener.watch(memory, ids, self.plan.heads)[:, len(prompt) :, :states]
        if states < 0:  # behind the end of the sound, where the reference cuts twice
            looks = looks[..., :states]
        found = token_times(looks, self.plan.width) if len(tokens) > 1 else [0.0]
        offset = np.float32(track.seek * SECONDS / STEP)
        # The last one, mostly the end of the text, was never read, so nothing is known of it.
        times = np.array([*found, found[-1]][: len(tokens)], dtype=np.float32) + offset
        return times.tolist()


def repetition(tokens: Sequence[int], vocabulary: int) -> float:
    """By which factor the bytes of a text's ids can be compressed."""
    size = int(math.log2(vocabulary) / 8) + 1
    data = b"".join(token.to_bytes(size, "little") for token in tokens)
    return len(data) / len(zlib.compress(data))


def _mean(text: Written) -> float:
    """The mean of the log-probabilities of a text's ids."""
    return text.likelihood / len(text.tokens)
