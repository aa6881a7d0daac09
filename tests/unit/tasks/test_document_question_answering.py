"""Document question answering answers as transformers does, on words that are given, recognised, or a PDF's own."""

import json
import shutil
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from nbpipes import pipeline
from nbpipes.errors import InputError

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = {
    (family, number): case
    for family in ("layoutlm", "layoutlmv3")
    for number, case in enumerate(json.loads((GOLDEN / family / "documents.json").read_text(encoding="utf-8")))
}
WORDS = [("Total", [100, 100, 200, 150]), ("$12.50", [220, 100, 330, 150]), ("Date", [100, 300, 180, 350])]
ASKED = "What is the total?"


def same(ours, theirs):
    """Lists of answers, maybe of several items: equal, scores to 1e-5."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        if isinstance(other, list):
            same(one, other)
        else:
            assert list(one) == list(other)
            assert one == {**other, "score": pytest.approx(other["score"], abs=1e-5)}


def build(family="layoutlm", **options):
    folder = GOLDEN / family
    return pipeline(
        "document-question-answering", model=folder / "spans", tokenizer=folder / "tokenizer", device="cpu", **options
    )


def opened(value, folder):
    """What a case was called with, its picture as an image."""
    if isinstance(value, dict):
        return {name: opened(part, folder) for name, part in value.items()}
    if isinstance(value, list):
        return [opened(part, folder) for part in value]
    return Image.open(folder / value) if value == "page.png" else value


@pytest.fixture(scope="module")
def pipe():
    return build()


@pytest.fixture
def page():
    image = Image.new("RGB", (600, 200), "white")
    ImageDraw.Draw(image).text((30, 60), "TOTAL 154", fill="black", font=ImageFont.load_default(64))
    return image


@pytest.mark.parametrize(("family", "number"), CASES)
def test_answers_equal_those_of_transformers(family, number):
    case = CASES[family, number]
    args, call = opened(case["args"], GOLDEN / family), opened(case["call"], GOLDEN / family)
    same(build(family, **case["construct"])(*args, **call), case["result"])


def test_the_page_is_looked_at_and_batches_change_nothing():
    pipe = build("layoutlmv3")
    page = Image.open(GOLDEN / "layoutlmv3" / "page.png")
    items = [{"question": "why?", "word_boxes": WORDS * n, "image": page if n % 2 else None} for n in (1, 4, 7, 2)]
    same(pipe(items, top_k=3), [pipe(**item, top_k=3) for item in items])
    assert pipe(**items[0]) != pipe(**items[0] | {"image": None})


def test_answers_know_where_they_stand(pipe):
    (answer,) = pipe(question=ASKED, word_boxes=WORDS)
    assert answer["answer"] == " ".join(word for word, _ in WORDS[answer["start"] : answer["end"] + 1])
    assert answer.meta["boxes"] == [box for _, box in WORDS[answer["start"] : answer["end"] + 1]]
    assert list(zip(answer.meta["words"], answer.meta["places"], strict=True)) == WORDS
    assert answer.source["question"] == ASKED


def test_batches_change_nothing(pipe):
    items = [{"question": f"Is it {n}?", "word_boxes": WORDS * n} for n in (1, 5, 9, 2)]
    together = pipe(items, top_k=3)
    same(together, [pipe(**item, top_k=3) for item in items])


def test_a_long_question_is_cut(pipe):
    long = "why " * 300
    assert pipe(question=long, word_boxes=WORDS) == pipe(question="why " * 64, word_boxes=WORDS)


@pytest.mark.skipif(not shutil.which("tesseract"), reason="needs the program tesseract")
def test_words_are_recognised(pipe, page):
    pytest.importorskip("pytesseract")
    found = pipe(page, ASKED, top_k=9)
    assert {word for answer in found for word in answer["answer"].split()} <= {"TOTAL", "154"}
    assert found
    assert pipe(Image.new("RGB", (50, 50), "white"), ASKED) == []


def test_without_the_program_the_error_says_how_to_install_it(pipe, page, monkeypatch):
    tesseract = pytest.importorskip("pytesseract.pytesseract")
    monkeypatch.setattr(tesseract, "tesseract_cmd", "no-such-program")
    with pytest.raises(InputError, match="apt-get install tesseract-ocr"):
        pipe(page, ASKED)


def pdf(*texts):
    """A PDF with a line of text on each page, as the format's text has it."""
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(texts)))
    parts.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>".encode())
    parts.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for i, text in enumerate(texts):
        shown = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
        parts.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        parts.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
    file, places = BytesIO(), []
    file.write(b"%PDF-1.4\n")
    for number, part in enumerate(parts, 1):
        places.append(file.tell())
        file.write(b"%d 0 obj\n%s\nendobj\n" % (number, part))
    start = file.tell()
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1))
    file.writelines(b"%010d 00000 n \n" % place for place in places)
    file.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(parts) + 1, start))
    return file.getvalue()


def test_a_pdf_brings_its_own_words(pipe, tmp_path):
    pytest.importorskip("pypdfium2")
    data = pdf("Invoice 77", "Total 154.06 paid")
    (answer,) = pipe(data, ASKED, page=2)
    assert answer["answer"] in "Total 154.06 paid"
    left, top, right, bottom = answer.meta["boxes"][0]
    assert 90 < left < right < 600
    assert 80 < top < bottom < 130  # 700 of 792 points from below
    assert max(answer.meta["page"].size) <= 1024
    path = tmp_path / "some.PDF"
    path.write_bytes(data)
    assert pipe(path, ASKED, page=2) == [answer]
    with pytest.raises(InputError, match="2 pages, and no page 3"):
        pipe(path, ASKED, page=3)
    with pytest.raises(InputError, match="PDF cannot be read"):
        pipe(b"%PDF-1.4 nothing", ASKED)
    with pytest.raises(InputError, match="no file"):
        pipe(str(tmp_path / "other.pdf"), ASKED)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"question": "", "word_boxes": WORDS}, "question must be a text"),
        ({"question": ASKED}, "give an image, or word_boxes"),
        ({"question": ASKED, "word_boxes": [("a", [5, 5, 1, 9])]}, "the box of 'a'"),
        ({"question": ASKED, "word_boxes": [("a", [0, 0, 1, 1001])]}, "0 to 1000"),
        ({"question": ASKED, "word_boxes": ["ab"]}, "pairs of a word and its box"),
        ({"question": ASKED, "word_boxes": WORDS, "top_k": 0}, "top_k must be"),
    ],
)
def test_errors_say_what_is_wrong(pipe, given, message):
    with pytest.raises(InputError, match=message):
        pipe(**given)


def test_questions_and_images_are_spread_over_each_other(pipe):
    more = [ASKED, "Which date?"]
    both = [pipe(question=question, image=None, word_boxes=WORDS) for question in more]
    assert pipe(image=None, question=more, word_boxes=WORDS) == both
    pages = build("layoutlmv3")
    assert pages.arguments((["a.png", "b.png"], ASKED), {}).items == [
        {"image": "a.png", "question": ASKED},
        {"image": "b.png", "question": ASKED},
    ]
    with pytest.raises(InputError, match="2 images and 1 questions"):
        pipe(["a.png", "b.png"], [ASKED])
    with pytest.raises(InputError, match="belong into their items"):
        pipe(["a.png", "b.png"], ASKED, WORDS)


def test_a_bad_item_is_recorded_and_the_others_are_answered(pipe):
    good = {"question": ASKED, "word_boxes": WORDS}
    first, bad, last = pipe([good, {"question": ASKED, "image": "no-such.png"}, good], on_error="record")
    assert first == last == pipe(good)
    assert "no-such.png" in bad.text


def test_words_are_recognised_once_and_as_was_asked(pipe, page, monkeypatch):
    tesseract = pytest.importorskip("pytesseract")
    asked = []

    def read(image, **how):
        asked.append(how)
        return {"text": ["TOTAL", " "], "left": [6, 0], "top": [20, 0], "width": [60, 1], "height": [20, 1]}

    monkeypatch.setattr(tesseract, "image_to_data", read)
    how = {"lang": "deu", "tesseract_config": "--psm 6"}
    page = page.rotate(180)
    answers = pipe(page, [ASKED, "Is it?", "Why?"], **how)
    assert [answer["answer"] for (answer,) in answers] == ["TOTAL"] * 3
    assert answers[0][0].meta["boxes"] == [[10, 100, 110, 200]]
    assert asked == [{"lang": "deu", "config": "--psm 6", "output_type": "dict"}]
    pipe(page, ASKED)
    assert asked[1:] == [{"lang": None, "config": "", "output_type": "dict"}]


@pytest.mark.parametrize(("package", "extra"), [("pytesseract", "ocr"), ("pypdfium2", "pdf")])
def test_a_missing_package_is_named(pipe, page, monkeypatch, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"jupyter-nbpipes\[{extra}\]"):
        pipe(page if extra == "ocr" else b"%PDF-1.4", ASKED)
