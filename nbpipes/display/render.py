"""From a result to HTML: choose what draws it, put a frame and a footer around it, keep it small."""

from collections.abc import Mapping
from typing import Any

from nbpipes.display import kit, plain, registry
from nbpipes.results.records import Record, Records

ROOT = "line-height:1.5;max-width:62em;margin:.2em 0;text-align:left"
PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body style="font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:62em;padding:0 1em">
{body}
</body>
</html>
"""


def render(task: str, value: Any, source: Any = None, meta: Mapping[str, Any] | None = None) -> str:
    """Return static HTML for a result: inline styles only, everything escaped, at most kit.LIMIT bytes.

    task: canonical task name; for others, what draws `value` is chosen by the keys that it has.
    value: a Record, a Records (of one item or of a batch), or any plain value.
    source: the input item of `value`, or the items of a batch; what cannot be drawn of it is left out.
    meta: for the footer: "model", "revision", "device", "dtype", "seconds", as far as known.
    """
    footer = kit.footer(meta or {})
    room = kit.LIMIT - kit.size(footer) - 500  # 500: the frame
    kind, body = _body(task, value, source, room)
    if kit.size(body) > room:
        kind, body = "plain", plain.draw(value, None, room)
    return f'<div class="nbp-static nbp-{kind}" style="{ROOT}">{body}{footer}</div>'


def page(body: str, title: str) -> str:
    """Return a complete HTML page, light or dark as the reader's system, around the HTML of `render`."""
    return PAGE.format(title=kit.escape(title), body=body)


def _body(task: str, value: Any, source: Any, room: int) -> tuple[str, str]:
    if not (isinstance(value, Records) and value.batched):
        kind = registry.find(task, value)
        return kind.module, kind.load().draw(value, source, room)
    if len(value) == 1:
        return _body(task, value[0], value.sources[0], room)
    # The first annotated entry stands for all: others may be empty, errors, or values of a user's own.
    known = (entry for entry in value if isinstance(entry, (Record, Records)) and entry)
    kind = registry.find(task, next(known, value[0] if value else value))
    return kind.module, kind.load().draw_batch(list(value), value.sources, room)
