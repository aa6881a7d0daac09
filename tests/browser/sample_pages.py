"""Pages with answers, as document-question-answering gives them; samples.py shows them."""

from PIL import Image, ImageDraw, ImageFont

from nbpipes.results import Record, annotate

META = {"model": "tiny/model", "revision": "0" * 40, "device": "cpu", "dtype": "float32", "seconds": 0.0123}
INVOICE = [
    (60, 70, 34, "East Repair Inc."),
    (60, 116, 18, "1912 Harvest Lane"),
    (60, 142, 18, "New York, NY 12210"),
    (60, 220, 18, "Bill to"),
    (60, 246, 18, "John Smith"),
    (60, 272, 18, "2 Court Square"),
    (520, 220, 18, "Invoice # US-001"),
    (520, 246, 18, "Invoice date 11/02/2019"),
    (520, 272, 18, "Due date 26/02/2019"),
    (60, 380, 18, "QTY    Description"),
    (700, 380, 18, "Amount"),
    (60, 420, 18, "1    Front and rear brake cables"),
    (700, 420, 18, "100.00"),
    (60, 450, 18, "2    New set of pedal arms"),
    (700, 450, 18, "30.00"),
    (60, 480, 18, "3    Labor 3hrs"),
    (700, 480, 18, "15.00"),
    (520, 560, 22, "TOTAL"),
    (700, 560, 22, "$154.06"),
    (60, 700, 18, "Terms & Conditions: payment is due within"),
    (60, 726, 18, "15 days. Please make checks payable to: East Repair Inc."),
]
STORY = (
    "The Difference Engine computes tables by finite differences and does so without a mistake, said Babbage".split()
)


def printed(lines, size=(850, 1100)):
    """A page, and its words with their boxes in thousandths. lines: left, top, height of letters, and text."""
    image = Image.new("RGB", size, "#fdfcf8")
    draw, words = ImageDraw.Draw(image), []
    for left, top, tall, text in lines:
        font = ImageFont.load_default(tall)
        for word in text.split(" "):
            if word:
                box = draw.textbbox((left, top), word, font)
                draw.text((left, top), word, "#222", font)
                words.append((word, [round(1000 * side / size[i % 2]) for i, side in enumerate(box)]))
            left += draw.textlength(f"{word} ", font)
    return image, words


def answered(image, words, question, found, kept=True):
    """Answers about a page. found: scores, and first and last word of each. kept: whether they know all words."""
    texts, places = [word for word, _ in words], [box for _, box in words]
    about = {"words": texts, "places": places} if kept else {}
    answers = [
        Record(
            {"score": score, "answer": " ".join(texts[start : end + 1]), "start": start, "end": end},
            meta=about | {"boxes": places[start : end + 1]},
        )
        for score, start, end in found
    ]
    item = {"image": image, "question": question} | ({} if kept else {"word_boxes": words})
    return annotate(answers, "document-question-answering", item, dict(META))


def at(words, text):
    return [word for word, _ in words].index(text)


invoice, invoice_words = printed(INVOICE)
number, terms = at(invoice_words, "US-001"), at(invoice_words, "15.00") + 3
page = answered(
    invoice,
    invoice_words,
    "What is the invoice number?",
    [(0.943, number, number), (0.041, number - 1, number), (0.012, number - 2, number), (0.003, terms + 4, terms + 11)],
)
page.append(Record({"score": 0.001, "answer": "", "start": 0, "end": 0}))
page_alone = answered(
    invoice, invoice_words, "Who is billed?", [(0.997, at(invoice_words, "John"), at(invoice_words, "John") + 1)]
)
one_word = answered(*printed([(60, 60, 40, "Hello")], (400, 300)), "What does it say?", [(0.9, 0, 0)])
no_answer = annotate([], "document-question-answering", {"image": invoice, "question": "Who?"}, dict(META))
no_page = answered(None, invoice_words, "What is the total?", [(0.8, at(invoice_words, "$154.06"), terms - 1)], False)
dense = answered(
    *printed([(50, 40 + 22 * row, 15, " ".join((STORY * 2)[row % 16 :][:11])) for row in range(46)]),
    "Who said that the engine makes no mistake?",
    [(0.6, 100, 103), (0.2, 250, 250), (0.1, 380, 396), (0.05, 15, 15)],
)
