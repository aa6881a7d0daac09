"""What a model wrote: turns of a chat, or how a text goes on; several answers one below the other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbpipes.display import kit, tokens
from nbpipes.results.short import short

TURN = "white-space:pre-wrap;overflow-wrap:anywhere;margin:.15em 0 .5em;padding:.1em 0 .1em .9em"
USER = f"{TURN};border-left:3px solid {kit.PALETTE[0].line}"
OTHER = f"{TURN};border-left:3px solid {kit.FAINT}"
NEW = "background:rgba(119,170,221,.26)"
WIDE = f"{kit.CELL};vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere;min-width:10em"
LEAST = 600
"""Bytes that a turn or an answer gets at least."""


def draw(value: Any, source: Any, room: int) -> str:
    """Return the turns of a chat, or the prompt and what follows it."""
    if (turns := messages_of(value)) is not None:
        return _turns(turns, room)
    answers = _answers(value)
    chats = [messages_of(entry.get("generated_text")) for entry in answers]
    if chats and all(chats):
        if len(chats) == 1:
            return _turns(chats[0] or [], room, tokens.pieces_of(answers[0]))
        before = _turns((chats[0] or [])[:-1], room // 3)
        said = [content_of((chat or [{}])[-1]) for chat in chats]
        return before + _numbered([("", text) for text in said], answers, room - kit.size(before))
    given = kit.text_of(source) or ""
    texts = [_parted(given, entry.get("generated_text")) for entry in answers]
    if len(texts) == 1:
        return _continued(*texts[0], tokens.pieces_of(answers[0]), room)
    return _numbered(texts, answers, room)


def draw_batch(values: Sequence[Any], sources: Sequence[Any], room: int) -> str:
    """Return a table with a row per item: what was said last, and what the model wrote."""
    each = max((room - 2_000) // (2 * max(1, min(len(values), kit.ROWS))) - 300, 100)

    def rows() -> Iterator[str]:
        for index, (value, source) in enumerate(zip(values, sources, strict=True)):
            given, written = _last(value, source)
            number = kit.cell(str(index), f"{kit.NUMBER};vertical-align:top;{kit.MUTED}")
            yield number + _cut(given, each, f"{WIDE};opacity:.8") + _cut(written, each, WIDE)

    return kit.table("", rows(), len(values), room)


def messages_of(value: Any) -> list[Mapping[str, Any]] | None:
    """The messages of a chat; None if the value is something else."""
    if isinstance(value, list) and value and all(isinstance(one, Mapping) and "role" in one for one in value):
        return value
    return None


def content_of(message: Mapping[str, Any]) -> str:
    """The text of a message; of blocks, the texts, and the kinds of all others."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        return "" if content is None else str(content)[:2_000]
    blocks = [block if isinstance(block, Mapping) else {"text": block} for block in content]
    return "\n".join(
        block["text"] if isinstance(block.get("text"), str) else f"[{block.get('type', '…')}]" for block in blocks
    )


def _answers(value: Any) -> list[Mapping[str, Any]]:
    """The dicts of one item, however they are nested."""
    if isinstance(value, Mapping):
        return [value]
    return [entry for inner in value for entry in _answers(inner)] if isinstance(value, list) else []


def _turns(turns: Sequence[Mapping[str, Any]], room: int, pieces: Sequence[tuple[str, float]] = ()) -> str:
    """The last turns that fit, in their order. pieces: the tokens of the last one, where it is known how likely."""
    drawn: list[str] = []
    room -= 200
    for place in range(len(turns) - 1, -1, -1):
        if room < LEAST:
            break
        last = place == len(turns) - 1
        html = _turn(turns[place], room if last else min(room, kit.LONG), list(pieces) if last else [])
        if kit.size(html) > room:
            break
        drawn.insert(0, html)
        room -= kit.size(html)
    return kit.more(len(turns) - len(drawn), "turn", " before") + "".join(drawn)


def _turn(turn: Mapping[str, Any], room: int, pieces: list[tuple[str, float]]) -> str:
    """The HTML of a turn; {"stopped": True} marks one whose text was to go on."""
    role, text = kit.escape(turn.get("role"), 40), content_of(turn)
    note = " · stopped" if turn.get("stopped") is True else ""
    head = f'<div style="{kit.MUTED}">{role}{note}</div>'
    whole = "".join(piece for piece, _ in pieces)
    if pieces and text.endswith(whole):
        html, _ = kit.prose(text.removesuffix(whole), room // 3)
        html += tokens.coloured(pieces, room - kit.size(html) - kit.size(head) - 400)
    else:
        html, shown = kit.prose(text, room - kit.size(head) - 400)
        html += kit.more(len(text) - shown, "character")
    return f'{head}<div dir="auto" style="{USER if turn.get("role") == "user" else OTHER}">{html}</div>'


def _parted(given: str, whole: Any) -> tuple[str, str]:
    """The prompt, where the text repeats it, and what is new."""
    text = whole if isinstance(whole, str) else short(whole, 2_000)
    return (given, text[len(given) :]) if given and text.startswith(given) else ("", text)


def _continued(prompt: str, new: str, pieces: list[tuple[str, float]], room: int) -> str:
    before, shown = kit.prose(prompt, (room - 1_000) // 2)
    before += kit.more(len(prompt) - shown, "character")
    left = room - kit.size(before) - 500
    if pieces and "".join(text for text, _ in pieces) == new:
        return kit.paragraph(f'<span style="opacity:.72">{before}</span>{tokens.coloured(pieces, left)}', 1.6)
    html, shown = kit.prose(new, left)
    after = kit.more(len(new) - shown, "character")
    mark = f' style="{NEW}"' if prompt else ""
    return kit.paragraph(f'<span style="opacity:.72">{before}</span><span{mark}>{html}</span>', 1.6) + after


def _numbered(texts: Sequence[tuple[str, str]], answers: Sequence[Mapping[str, Any]], room: int) -> str:
    """Several answers, one a row; a prompt that all begin with stands above them."""
    prompt = texts[0][0] if texts and all(given == texts[0][0] for given, _ in texts) else ""
    quoted = kit.quote(prompt, room // 3) if prompt else ""
    each = (room - kit.size(quoted) - 1_000) // max(1, min(len(texts), kit.ROWS)) - 400

    def rows() -> Iterator[str]:
        for index, ((given, new), entry) in enumerate(zip(texts, answers, strict=True)):
            number = kit.cell(str(index + 1), f"{kit.NUMBER};vertical-align:top;{kit.MUTED}")
            pieces = tokens.pieces_of(entry)
            if pieces and each > 2 * LEAST and "".join(text for text, _ in pieces) == new:
                yield number + kit.cell(tokens.coloured(pieces, each), WIDE)
            else:
                yield number + _cut(new if prompt else given + new, each, WIDE)

    return quoted + kit.table("", rows(), len(texts), room - kit.size(quoted))


def _last(value: Any, source: Any) -> tuple[str, str]:
    """What was said last, and what the model wrote, of one item."""
    said, found = kit.text_of(source), []
    for entry in [{"generated_text": value}] if messages_of(value) else _answers(value):
        turns = messages_of(entry.get("generated_text"))
        if turns is None:
            found.append(_parted(said or "", entry.get("generated_text"))[1])
        else:
            found.append(content_of(turns[-1]))
            said = content_of(turns[-2]) if len(turns) > 1 else said
    if said is None and (turns := messages_of(source)):
        said = content_of(turns[-1])
    return said or "", "\n".join(found)


def _cut(text: str, room: int, style: str) -> str:
    html, shown = kit.prose(text, room - kit.size(style) - 200)
    return kit.cell(f'<div dir="auto">{html}</div>{kit.more(len(text) - shown, "character")}', style)
