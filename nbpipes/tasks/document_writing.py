"""Answers that a model writes about a page that it sees, as Donut was trained to."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import torch
from PIL import Image

from nbpipes.engine.loop import ChunkOutput
from nbpipes.generation.loop import Request
from nbpipes.processing.batch import Batch, Chunk
from nbpipes.processing.images import Pixels, stack
from nbpipes.processing.text import Tokenizer
from nbpipes.results.records import Record
from nbpipes.tasks.writing import Writing, WritingOptions, judged

PROMPT = "<s_docvqa><s_question>{}</s_question><s_answer>"
TAG = re.compile(r"<.*?>")
ANSWER = re.compile(r"<s_answer>(.*)</s_answer>")


@dataclass(frozen=True, slots=True)
class Asked:
    """The page that a question is about. picture: of it, where its item cannot be drawn again."""

    pixels: Pixels
    picture: Image.Image | None


def question_chunk(tokenizer: Tokenizer, question: str, asked: Asked) -> Chunk:
    """A question about a page. Its cost is the page's: what is written is short."""
    prompt = tokenizer.windows(PROMPT.format(question), truncation=False, add_special_tokens=False)[0]
    height, width = asked.pixels.size
    return Chunk({"input_ids": prompt.ids}, asked, height * width, group=asked.pixels.size)


class Sight:
    """What a model sees of pages. A page that was looked at alone is remembered, as more questions may follow: looking
    takes much longer than writing. Only the compute thread may use it."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._known: tuple[Hashable, Any] = None, None

    @torch.inference_mode()
    def of(self, pages: Sequence[Pixels]) -> tuple[Any, list[int]]:
        """What the model remembers of the pages, each of them once, and the number of each."""
        keys = [(page.size, blake2b(page.values.tobytes()).digest()) for page in pages]
        distinct = list(dict.fromkeys(keys))
        where = (self.model.device, self.model.dtype, *distinct)
        known, memory = self._known
        if known != where:
            self._known = None, None  # so that it makes room
            memory = self.model.see(stack([pages[keys.index(key)] for key in distinct]).to(self.model.device))
            self._known = (where, memory) if len(distinct) == 1 else self._known
        return memory, [distinct.index(key) for key in keys]


def about_pages(
    pipe: Writing[Any], sight: Sight, batch: Batch, chunks: Sequence[Chunk], options: WritingOptions
) -> Request:
    """What to write about the pages of a batch."""
    memory, images = sight.of([chunk.note.pixels for chunk in chunks])
    return Request(
        inputs={
            "memory": memory,
            "images": images,
            "prompt_ids": batch.inputs["input_ids"],
            "prompts": batch.inputs["layout"],
        },
        prompts=[chunk.inputs["input_ids"] for chunk in chunks],
        settings=pipe.settings(options),
        sources=[[]] * len(chunks),  # there are no words yet that penalties could be about
        limit=pipe.model.limit,
        decode=lambda ids: pipe.tokenizer.decode(ids, clean_up_tokenization_spaces=False),
        prefix_allowed_tokens_fn=options.prefix_allowed_tokens_fn,
        logits_processor=options.logits_processor or (),
        stopping_criteria=options.stopping_criteria or (),
    )


def written_answers(tokenizer: Tokenizer, out: ChunkOutput) -> list[Record]:
    """An answer for each text that was written; its answer is None where a text does not come to its end."""
    prompt, picture = out.chunk.inputs["input_ids"], out.chunk.note.picture

    def decode(new: Sequence[int]) -> str:
        return tokenizer.decode(new, skip_special_tokens=True)

    return [
        Record(
            {"answer": answer_in(tokenizer, [*prompt, *text.tokens]), **judged(decode, text)},
            meta={} if picture is None else {"page": picture},
        )
        for text in out.output.written
    ]


def answer_in(tokenizer: Tokenizer, ids: Sequence[int]) -> str | None:
    """What stands between the tags of an answer, behind the tag of the task."""
    text = tokenizer.decode(ids)
    for token in (tokenizer.eos_token, tokenizer.pad_token):
        text = text.replace(token, "") if token else text
    found = ANSWER.search(TAG.sub("", text, count=1).strip())
    return None if found is None else found[1].strip()
