"""What the reader does in a view of a picture, by mouse and by keyboard, reaches Python."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image
from playwright.sync_api import expect

Show = Callable[[str], tuple[Any, Any]]
# The colour of a canvas at a place of the picture, which is 640 x 427.
COLOUR = """(canvas, [x, y]) => {
  const scale = canvas.width / 640;
  return [...canvas.getContext('2d').getImageData(x * scale, y * scale, 1, 1).data].slice(0, 3);
}"""


def press(view: Any, x: int, y: int, act: str = "click") -> None:
    """Click or hover a place of the picture."""
    canvas = view.locator(".nbp-stage canvas")
    scale = canvas.bounding_box()["width"] / 640
    getattr(canvas, act)(position={"x": x * scale, "y": y * scale})


def test_objects_are_selected_in_the_picture_and_in_the_list(shown: Show) -> None:
    book, view = shown("samples.boxes")
    press(view, 130, 330)
    book.until("[(o['label'], o['box']['xmin']) for o in view.selected]", [["ball", 60]])
    view.get_by_role("option", name="sun").click()
    book.until("[o['label'] for o in view.selected]", ["ball", "sun"])
    press(view, 130, 330)
    book.until("[o['label'] for o in view.selected]", ["sun"])
    press(view, 620, 400)  # only the large box is here
    book.until("[o['label'] for o in view.selected]", ["sun", "beach"])


def test_objects_are_selected_by_keyboard(shown: Show) -> None:
    book, view = shown("samples.boxes")
    cells = book.page.locator(".jp-Cell").count()
    view.locator(".nbp-stage canvas").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter", "b", "x"):  # b and x are shortcuts of the notebook
        book.page.keyboard.press(key)
    expect(view.locator(".nbp-status")).to_contain_text("1 object selected")
    book.until("[o['label'] for o in view.selected]", ["beach"])
    assert book.page.locator(".jp-Cell").count() == cells
    view.locator(".nbp-stage canvas").focus()
    book.page.keyboard.press("Escape")
    book.until("view.selected", [])


def test_the_line_below_tells_what_is_pointed_at(shown: Show) -> None:
    _, view = shown("samples.boxes")
    press(view, 350, 90, "hover")
    expect(view.locator(".nbp-readout")).to_have_text("sun 0.93 · x 330–380, y 60–110")
    expect(view.locator(".nbp-option[data-at]")).to_contain_text("sun")
    press(view, 600, 200, "hover")
    expect(view.locator(".nbp-readout")).to_contain_text("Click an object")


def test_filters_take_objects_out_of_the_picture(shown: Show) -> None:
    _, view = shown("samples.boxes")
    canvas = view.locator(".nbp-stage canvas")
    edge = [421, 320]  # of the ball on the right
    expect(view.locator(".nbp-option")).to_have_count(6)
    before = canvas.evaluate(COLOUR, edge)
    view.get_by_role("slider").fill("0.9")
    expect(view.locator(".nbp-option")).to_have_count(2)
    assert canvas.evaluate(COLOUR, edge) != before
    view.get_by_role("slider").fill("0")
    view.locator(".nbp-key", has_text="ball").click()
    expect(view.locator(".nbp-option")).to_have_count(3)


HIDDEN = """async (canvas) => {
  const root = canvas.closest('.nbp');
  canvas.dispatchEvent(new KeyboardEvent('keydown', {key: '0', bubbles: true}));  // to be painted in the next frame
  root.style.display = 'none';
  await new Promise(requestAnimationFrame);
  root.style.display = '';
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
}"""


def test_a_picture_that_was_hidden_for_a_frame_is_still_there(shown: Show) -> None:
    book, view = shown("samples.boxes")
    canvas = view.locator(".nbp-stage canvas")
    sun = [355, 85]
    expect(canvas).not_to_have_js_property("width", 0)
    before = canvas.evaluate(COLOUR, sun)
    canvas.evaluate(HIDDEN)  # so does JupyterLab with its cells while its theme changes
    assert canvas.evaluate(COLOUR, sun) == before != [0, 0, 0]
    for theme in ("Dark", "Light"):
        book.theme(f"JupyterLab {theme}")
        expect(canvas).not_to_have_js_property("width", 0)


def test_pictures_are_zoomed_and_moved(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("samples.boxes")
    canvas = view.locator(".nbp-stage canvas")
    press(view, 350, 85, "hover")
    book.page.keyboard.down("Control")
    for _ in range(2):
        book.page.mouse.wheel(0, -100)
    book.page.keyboard.up("Control")
    expect(view.get_by_role("button", name="Show all of the picture")).to_be_visible()
    shot(view, "lab-light-zoomed")
    before = canvas.bounding_box()
    x, y, scale = before["x"], before["y"], before["width"] / 640
    readout = view.locator(".nbp-readout")
    book.page.mouse.move(x + 20 * scale, y + 400 * scale)
    book.page.mouse.down()
    book.page.mouse.move(x + 2000, y - 2000, steps=5)  # to the end of the picture, and no further
    book.page.mouse.up()
    press(view, 5, 420, "hover")  # of the frame: a place far from this corner of the picture
    expect(readout).to_have_text("beach 0.55 · x -4–643, y 277–427")
    assert book.value("len(view.selected)") == 0
    view.get_by_role("button", name="Show all of the picture").click()
    press(view, 350, 85, "hover")
    expect(readout).to_contain_text("sun")


def test_crops_and_the_picture_are_downloaded(shown: Show) -> None:
    book, view = shown("samples.boxes")
    view.locator("summary", has_text="Crops").click()
    expect(view.locator(".nbp-crop")).to_have_count(6)
    with book.page.expect_download() as download:
        view.get_by_role("button", name=re.compile("Download sun")).click()
    crop = Image.open(BytesIO(download.value.path().read_bytes())).convert("RGB")
    assert crop.size == (50, 50)
    red, green, blue = crop.getpixel((25, 25))
    assert (red > 200, green > 180, blue < 120) == (True, True, True)
    view.get_by_label("Copy and download").click()
    with book.page.expect_download() as download:
        view.get_by_role("button", name="Download picture").click()
    assert Image.open(BytesIO(download.value.path().read_bytes())).width >= 640


def test_regions_are_told_by_the_pixel(shown: Show) -> None:
    book, view = shown("samples.masks")
    for x, y, label in ((350, 85, "sun 0.93"), (100, 100, "sky"), (480, 300, "ball 0.58"), (200, 400, "sand")):
        press(view, x, y, "hover")
        expect(view.locator(".nbp-readout")).to_have_text(re.compile(f"^{label}"))
    canvas = view.locator(".nbp-stage canvas")
    before = canvas.evaluate(COLOUR, [100, 20])
    view.get_by_label("opacity").fill("0")
    press(view, 620, 420, "hover")
    assert canvas.evaluate(COLOUR, [100, 20]) != before
    press(view, 350, 85)
    press(view, 100, 100)
    book.until("[r['label'] for r in view.selected]", ["sun", "sky"])
    view.locator("summary", has_text="Crops").click()
    with book.page.expect_download() as download:
        view.get_by_role("button", name=re.compile("Download sun")).click()
    crop = Image.open(BytesIO(download.value.path().read_bytes()))
    assert (crop.getpixel((0, 0))[3], crop.getpixel((25, 25))[3]) == (0, 255)


def test_depths_are_read_and_kept(shown: Show) -> None:
    book, view = shown("samples.depth")
    press(view, 320, 213, "hover")
    expect(view.locator(".nbp-readout")).to_contain_text(re.compile(r"depth 4\.\d+ at 3(19|20), 21[23]"))
    press(view, 320, 213)
    press(view, 600, 400)
    book.until("len(view.selected)", 2)
    point = book.value("view.selected[0]")
    assert abs(point["depth"] - 4.49) < 0.03
    canvas = view.locator(".nbp-stage canvas")
    before = canvas.evaluate(COLOUR, [20, 20])
    view.locator("select").select_option("grey")
    press(view, 10, 10, "hover")
    assert canvas.evaluate(COLOUR, [20, 20]) != before
    view.get_by_role("button", name="Forget the points").click()
    book.until("view.selected", [])


def test_an_album_is_opened_by_keyboard(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("samples.album")
    expect(view.locator(".nbp-thumb img").first).to_be_visible()
    assert view.locator(".nbp-thumb img").first.evaluate("image => image.naturalWidth") > 40
    view.locator(".nbp-windowed").focus()
    for _ in range(4):
        book.page.keyboard.press("ArrowDown")
    expect(view.locator(".nbp-detail .nbp-option")).to_have_count(4)
    view.locator(".nbp-detail .nbp-option").last.click()
    book.until("[part['label'] for part in view.selected_parts]", ["sun"])
    shot(view, "lab-light-album-open")
    view.locator(".nbp-windowed").evaluate("node => { node.scrollTop = 1e6 }")
    expect(view.locator(".nbp-row").last.locator("img")).to_be_visible()


def test_two_models_are_compared_on_a_picture(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("nbpipes.compare(samples.boxes, samples.other_boxes)")
    expect(view.locator("strong").first).to_have_text("3 of 7 agree")
    expect(view.locator(".nbp-side canvas")).to_have_count(2)
    view.locator(".nbp-side").nth(1).get_by_role("option").first.click()
    book.until("[part['label'] for part in view.selected]", ["ball"])
    shot(view, "lab-light-boxes-compared")


def test_compared_pictures_are_zoomed_and_moved_together(shown: Show, shot: Callable[..., None]) -> None:
    book, view = shown("nbpipes.compare(samples.boxes, samples.other_boxes)")
    left, right = (view.locator(".nbp-side").nth(side) for side in (0, 1))
    canvas = left.locator("canvas")
    for _ in range(3):
        left.get_by_role("button", name="Zoom in").click()
    expect(right.locator("canvas[data-zoomed]")).to_be_visible()
    canvas.focus()
    for _ in range(9):
        book.page.keyboard.press("ArrowLeft")  # to the edge, which moves the picture
    book.page.keyboard.press("Tab")  # takes the cross away
    sand = [5, 210]  # of the frame, where both show the same part of the picture
    assert canvas.evaluate(COLOUR, sand) == right.locator("canvas").evaluate(COLOUR, sand)
    shot(view, "lab-light-boxes-zoomed")
    view.get_by_role("button", name="Zoom together").click()
    left.get_by_role("button", name="Show all of the picture").click()
    expect(left.locator("canvas[data-zoomed]")).to_have_count(0)
    expect(right.locator("canvas[data-zoomed]")).to_be_visible()


def test_the_user_chooses_colours(shown: Show) -> None:
    _, view = shown("(nbpipes.set_colors({'ball': 'gold', 'PER': '#c8e'}), samples.boxes)[1]")
    fill = "node => getComputedStyle(node).backgroundColor"
    assert view.locator(".nbp-key", has_text="ball").locator(".nbp-chip").evaluate(fill) == "rgb(255, 215, 0)"
    _, view = shown("samples.people")
    assert view.locator(".nbp-row .nbp-chip", has_text="PER").first.evaluate(fill) == "rgb(204, 136, 238)"
    _, view = shown("(nbpipes.set_colors({}), samples.entities)[1]")
    assert view.locator(".nbp-key", has_text="PER").locator(".nbp-chip").evaluate(fill) != "rgb(204, 136, 238)"


def test_labels_are_changed_and_scored_anew(shown: Show) -> None:
    book, view = shown("samples.zero_shot()")
    view.get_by_label("Add a label").fill("a kite <i>")
    book.page.keyboard.press("Enter")
    expect(view.get_by_role("option")).to_have_count(3)
    view.get_by_role("button", name="Take a beach away").click()
    expect(view.get_by_role("option")).to_have_count(2)
    book.until("sorted(part['label'] for part in view.result)", ["a kite <i>", "a street"])


def test_a_page_that_is_loaded_again_has_its_picture(notebook: Callable[..., Any]) -> None:
    book = notebook(["import samples", "samples.boxes"])
    book.run(0)
    book.run(1)
    book.view(1).wait_for()
    book.save()
    book.open()
    canvas = book.view(1).locator("canvas")
    canvas.wait_for()
    for _ in range(50):
        red, green, blue = canvas.evaluate(COLOUR, [125, 315])  # in the red ball
        if (red > 150, green < 90, blue < 90) == (True, True, True):
            break
        book.page.wait_for_timeout(100)
    else:
        raise AssertionError(f"the ball is {red}, {green}, {blue}")
    book.server.end_kernels()
    book.open()
    twin = book.cell(1).locator("[data-nbp-twin] img")
    expect(twin).to_be_visible()
    assert twin.evaluate("image => image.naturalWidth") > 600


def test_views_that_end_let_go_of_their_pictures(notebook: Callable[..., Any]) -> None:
    book = notebook(
        ["import samples, nbpipes", "samples.boxes", "samples.guesses", "samples.album", "nbpipes.close_all()"]
    )
    book.page.evaluate("""() => {
      globalThis.held = new Set();
      const {createObjectURL, revokeObjectURL} = URL;
      URL.createObjectURL = (blob) => {
        const url = createObjectURL.call(URL, blob);
        if (blob.type.startsWith('image/')) held.add(url);
        return url;
      };
      URL.revokeObjectURL = (url) => { held.delete(url); revokeObjectURL.call(URL, url); };
    }""")
    for index in range(4):
        book.run(index)
    expect(book.view(3).locator(".nbp-thumb img").first).to_be_visible()
    assert book.page.evaluate("held.size") > 2
    book.run(4)
    expect(book.cell(3).locator(".nbp-live")).to_have_count(0)
    book.page.wait_for_function("held.size === 0")
