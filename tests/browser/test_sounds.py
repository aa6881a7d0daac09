"""What the reader does with a sound: it plays, the text follows, and what is selected reaches Python."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

Show = Callable[[str], tuple[Any, Any]]
STEP = 0.4  # seconds of a word
LENGTH = 32 * STEP  # of the sample
WORDS = "[part['text'].strip() for part in view.selected]"
PLAYER = "audio => ({time: audio.currentTime, paused: audio.paused, source: audio.src})"
FIRST = "Ada Lovelace met Charles Babbage in London. They saw the Difference Engine".split()
FOLLOWED = """view => {
  globalThis.followed = [];
  new MutationObserver(() => {
    const now = view.querySelector('[aria-current]')?.textContent;
    if (now && now !== followed.at(-1)) followed.push(now);
  }).observe(view, {subtree: true, attributeFilter: ['aria-current']});
}"""
NOW = """view => ({
  time: Math.max(...[...view.querySelectorAll('audio')].map((audio) => audio.currentTime)),
  line: view.querySelector('[data-now]')?.textContent ?? '',
})"""
RESTART = """async () => {
  await globalThis.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart();
}"""


def word(view: Any, text: str) -> Any:
    return view.locator("[role=option]", has_text=re.compile(f"^{re.escape(text)}$"))


def player(view: Any) -> dict[str, Any]:
    """The audio element that is heard, or would be."""
    found = [one.evaluate(PLAYER) for one in view.locator("audio").all()]
    return next((one for one in found if not one["paused"]), found[0] if found else {"source": "", "paused": True})


def until(view: Any, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    for _ in range(100):
        if wanted(player(view)):
            break
        view.page.wait_for_timeout(50)
    assert wanted(player(view)), player(view)
    return player(view)


def start(show: Show, code: str) -> tuple[Any, Any]:
    book, view = show(code)
    until(view, lambda now: now["source"].startswith("blob:"))
    return book, view


def test_a_word_that_is_clicked_is_where_the_player_goes(shown: Show) -> None:
    book, view = start(shown, "samples.transcript")
    word(view, "London.").click()
    assert abs(player(view)["time"] - 6 * STEP) < 0.01
    assert player(view)["paused"]
    expect(view.locator("[aria-current]")).to_have_text("London.")
    book.until(WORDS, ["London."])
    word(view, "They").dblclick()
    until(view, lambda now: not now["paused"] and now["time"] > 7.1 * STEP)
    view.get_by_role("button", name="Pause").click()
    assert player(view)["paused"]


def test_the_text_follows_the_sound(shown: Show, shot: Callable[..., None]) -> None:
    _, view = start(shown, "samples.transcript")
    view.evaluate(FOLLOWED)
    view.get_by_role("button", name="Play").click()
    view.page.wait_for_function("globalThis.followed.length > 4")
    seen = view.page.evaluate("globalThis.followed")
    places = [FIRST.index(one) for one in seen[:5]]  # a busy machine may skip one
    assert places == sorted(set(places))
    shot(view, "lab-light-playing")
    view.get_by_label("Speed").select_option("2")
    until(view, lambda now: now["time"] > 3.5)
    now = view.evaluate(NOW)
    assert ("They saw" in now["line"]) == (7 * STEP < now["time"] < 22 * STEP)
    until(view, lambda now: now["paused"])  # to its end
    expect(view.get_by_role("button", name="Play")).to_be_visible()


def test_words_are_selected_and_repeated(shown: Show) -> None:
    book, view = start(shown, "samples.transcript")
    word(view, "saw").click()
    word(view, "Engine").click(modifiers=["Shift"])
    book.until(WORDS, ["saw", "the", "Difference", "Engine"])
    view.get_by_role("button", name="Loop").click()
    view.get_by_label("Speed").select_option("3")
    view.get_by_role("button", name="Play").click()
    before, jumps = 0.0, 0
    for _ in range(400):
        now = player(view)["time"]
        assert 8 * STEP - 0.1 <= now < 12 * STEP + 0.5
        jumps += now < before
        before = now
        if jumps > 1:
            break
        view.page.wait_for_timeout(25)
    assert jumps > 1
    view.get_by_role("button", name="Pause").click()
    view.locator(".nbp-said").press("Escape")
    book.until(WORDS, [])


def test_a_part_of_the_sound_is_selected_in_its_picture(shown: Show) -> None:
    book, view = start(shown, "samples.transcript")
    canvas = view.locator("canvas")
    scale = canvas.bounding_box()["width"] / LENGTH
    canvas.click(position={"x": 4.1 * STEP * scale, "y": 40})
    assert abs(player(view)["time"] - 4.1 * STEP) < 0.05
    view.page.keyboard.down("Shift")
    canvas.drag_to(
        canvas,
        source_position={"x": 4.1 * STEP * scale, "y": 40},
        target_position={"x": 6.5 * STEP * scale, "y": 40},
    )
    view.page.keyboard.up("Shift")
    book.until(WORDS, ["Babbage", "in", "London."])
    canvas.click(position={"x": 3 * STEP * scale, "y": 82})  # the line of the first sentence
    book.until("len(view.selected)", 7)
    canvas.focus()
    for key in ("Home", "ArrowRight", "+", "+"):
        view.page.keyboard.press(key)
    assert abs(player(view)["time"] - 5) < 0.01


def test_a_transcript_is_read_by_keyboard(shown: Show) -> None:
    book, view = start(shown, "samples.transcript")
    cells = book.page.locator(".jp-Cell").count()
    view.locator(".nbp-said").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "b", "x", "Enter"):  # b and x are shortcuts of the notebook
        book.page.keyboard.press(key)
    book.until(WORDS, ["saw"])
    until(view, lambda now: not now["paused"] and now["time"] >= 8 * STEP)
    view.locator(".nbp-said").press(" ")
    until(view, lambda now: now["paused"])
    for key in ("Shift+ArrowRight", "Shift+ArrowRight"):
        view.locator(".nbp-said").press(key)
    book.until(WORDS, ["saw", "the", "Difference"])
    assert book.page.locator(".jp-Cell").count() == cells


def test_words_are_found_and_taken_away(shown: Show) -> None:
    book, view = start(shown, "samples.transcript")
    view.get_by_role("searchbox").fill("THE d")
    expect(view.locator(".nbp-place").nth(1)).to_have_text("– of 1")
    expect(view.locator("[data-found]")).to_have_text(["the", "Difference"])
    view.get_by_role("button", name="Next place").click()
    expect(view.locator("[data-at]")).to_have_text("the")
    assert abs(player(view)["time"] - 9 * STEP) < 0.01
    view.get_by_label("Copy and download").click()
    with book.page.expect_download() as download:
        view.get_by_role("button", name="Download subtitles (SRT)").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["1", "00:00:00,000 --> 00:00:02,800", "Ada Lovelace met Charles Babbage in London."]
    assert any("<b>Clement</b>" in line for line in lines)
    view.get_by_label("Copy and download").click()
    view.get_by_role("button", name="Copy text").click()
    expect(view.locator(".nbp-status")).to_have_text("Copied")


def test_an_hour_is_played_anywhere(shown: Show, shot: Callable[..., None]) -> None:
    _, view = start(shown, "samples.hour()")
    view.locator(".nbp-said").focus()
    for key in ("End", "ArrowUp", "Enter"):
        view.page.keyboard.press(key)
    until(view, lambda now: not now["paused"] and now["time"] > 20.5)
    expect(view.locator("[aria-current]")).to_have_text(re.compile(r"word89\d\d"))
    expect(view.locator(".nbp-place").first).to_have_text(re.compile(r"^59:5"))
    canvas = view.locator("canvas")
    canvas.focus()
    for _ in range(6):
        view.page.keyboard.press("+")
    for key in (" ", "Home", "PageUp"):
        view.page.keyboard.press(key)
    expect(view.locator(".nbp-place").first).to_have_text(re.compile(r"^0:30\.0"))
    view.page.wait_for_timeout(500)
    shot(view, "lab-light-hour-zoomed")


def test_pieces_follow_each_other(shown: Show) -> None:
    _, view = start(shown, "samples.hour()")
    view.get_by_label("Speed").select_option("3")
    canvas = view.locator("canvas")
    canvas.focus()
    for key in ("PageUp", "ArrowLeft", " "):  # five seconds before the end of the first piece
        view.page.keyboard.press(key)
    expect(view.locator(".nbp-place").first).to_have_text(re.compile(r"^0:3[2-9]"), timeout=20_000)
    assert not player(view)["paused"]


def test_recordings_are_heard_one_after_the_other(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("samples.recordings")
    view.locator(".nbp-row").first.click()
    until(view, lambda now: now["source"].startswith("blob:"))
    word(view, "Lovelace").click()
    book.until("[part['text'].strip() for part in view.selected_parts]", ["Lovelace"])
    view.get_by_role("button", name="Play").click()
    until(view, lambda now: now["time"] > 0.5)
    shot(view, "lab-light-recordings-open")
    view.locator(".nbp-windowed").press("ArrowDown")
    expect(view.locator(".nbp-detail .nbp-line")).to_have_count(3)
    until(view, lambda now: now["source"].startswith("blob:") and now["paused"])
    for _ in range(2):
        view.locator(".nbp-windowed").press("ArrowDown")
    expect(view.locator(".nbp-detail")).to_contain_text("the sound is not here any more")


def test_transcripts_are_compared(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("nbpipes.compare(samples.transcript, samples.heard_otherwise)")
    expect(view.locator("strong").first).to_have_text("28 of 30 words agree")
    expect(view.locator(".nbp-text del")).to_have_text(["of", "late."])
    expect(view.locator(".nbp-text ins")).to_have_text(["Truly."])
    until(view, lambda now: now["source"].startswith("blob:"))
    view.get_by_role("button", name="0:04.80").click()
    for side in view.locator(".nbp-side").all():
        until(side, lambda now: abs(now["time"] - 12 * STEP) < 0.01)
    shot(view, "lab-light-transcripts-compared")
    word(view.locator(".nbp-side").nth(1), "London.").click()
    book.until(WORDS, ["London."])


def test_a_transcript_is_compared_with_what_was_said(shown: Show) -> None:
    book, view = shown("nbpipes.compare(samples.transcript, samples.SAID + ' And more.')")
    expect(view.locator("strong").first).to_have_text(re.compile(r"^Word error rate 6\.2 %"))
    assert round(book.value("view.errors.rate"), 3) == round(2 / 32, 3)


def test_classes_over_time_are_reached_and_selected(shown: Show) -> None:
    book, view = start(shown, "samples.classes")
    expect(view.locator(".nbp-option")).to_have_count(4)
    view.locator(".nbp-option").nth(1).click()
    assert abs(player(view)["time"] - 3) < 0.01
    book.until("[(p['label'], p['timestamp'][0]) for p in view.selected]", [["cat", 3.0], ["cat", 4.0]])
    canvas = view.locator("canvas")
    box = canvas.bounding_box()
    left = 110 + (box["width"] - 110) * 1.5 / LENGTH
    canvas.click(position={"x": left, "y": 16 + 56 + 10})  # the first lane: what is heard best
    book.until("[(p['label'], p['timestamp'][0]) for p in view.selected]", [["dog", 1.0]])
    view.get_by_role("slider", name="Least score").fill("0.78")
    expect(view.locator(".nbp-option")).to_have_count(2)


def test_without_a_kernel_what_is_here_is_played(notebook: Callable[..., Any], shot: Callable[..., None]) -> None:
    book = notebook(["import samples", "samples.hour()"])
    book.run(0)
    book.run(1)
    view = book.view(1)
    view.wait_for()
    until(view, lambda now: now["source"].startswith("blob:"))
    book.page.evaluate(RESTART)
    view.locator(".nbp-said").focus()
    book.page.keyboard.press("End")
    book.page.keyboard.press("Enter")
    expect(view.locator(".nbp-player")).to_contain_text("what can be played: 0:00.0–0:30.0")
    expect(view.locator(".nbp-notice")).to_contain_text("The kernel does not answer")
    shot(view, "lab-light-sound-kernel-gone")
    view.locator(".nbp-said").press("Home")
    view.locator(".nbp-said").press("Enter")
    until(view, lambda now: not now["paused"] and 0 < now["time"] < 29)


def test_a_page_that_is_loaded_again_plays(notebook: Callable[..., Any]) -> None:
    book = notebook(["import samples", "samples.transcript"])
    book.run(0)
    book.run(1)
    book.view(1).wait_for()
    book.save()
    book.open()
    view = book.view(1)
    view.wait_for()
    until(view, lambda now: now["source"].startswith("blob:"))
    word(view, "London.").dblclick()
    until(view, lambda now: not now["paused"] and now["time"] > 6 * STEP)
    book.server.end_kernels()
    book.open()
    twin = book.cell(1).locator("[data-nbp-twin]")
    expect(twin.locator("audio")).to_be_visible()
    assert (
        twin.locator("audio").evaluate("async audio => { await audio.play(); audio.pause(); return audio.duration }")
        > 9
    )


def test_views_that_end_let_go_of_their_sounds(notebook: Callable[..., Any]) -> None:
    book = notebook(["import samples, nbpipes", "samples.transcript", "samples.classes", "nbpipes.close_all()"])
    book.page.evaluate("""() => {
      globalThis.held = new Set();
      const {createObjectURL, revokeObjectURL} = URL;
      URL.createObjectURL = (blob) => {
        const url = createObjectURL.call(URL, blob);
        if (blob.type.startsWith('audio/')) held.add(url);
        return url;
      };
      URL.revokeObjectURL = (url) => { held.delete(url); revokeObjectURL.call(URL, url); };
    }""")
    for index in range(3):
        book.run(index)
    until(book.view(2), lambda now: now["source"].startswith("blob:"))
    assert book.page.evaluate("held.size") == 2
    book.run(3)
    expect(book.cell(2).locator(".nbp-live")).to_have_count(0)
    book.page.wait_for_function("held.size === 0")
