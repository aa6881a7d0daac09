"""Trains the demo sentiment model, scores it once on texts it has never seen and writes nbpipes/demo/sentiment.

See README.md beside this file for what to install and how long it takes.
"""

import argparse
import copy
import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from sentiment_data import Text, fetch, read, split, votes
from sentiment_phrases import FACES, Shares, phrases, shares
from sentiment_report import card, judged, scores, vader
from tiny_bert import Classifier
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from torch.nn import functional as F
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

OUTPUT = Path(__file__).parents[2] / "nbpipes" / "demo" / "sentiment"
SEED = 7
LABELS = ("NEGATIVE", "NEUTRAL", "POSITIVE")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, CLS, SEP, MASK = (SPECIAL.index(f"[{name}]") for name in ("PAD", "CLS", "SEP", "MASK"))
PIECES = 4000
CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "model_type": "bert",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 192,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.15,
    "attention_probs_dropout_prob": 0.15,
    "classifier_dropout": 0.2,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "initializer_range": 0.05,
    "pad_token_id": PAD,
    "position_embedding_type": "absolute",
    "id2label": {str(place): label for place, label in enumerate(LABELS)},
    "label2id": {label: place for place, label in enumerate(LABELS)},
    # The weights are stored in half precision to be small; this makes every reader compute in single precision.
    "torch_dtype": "float32",
}
# First words, short sentences and texts labelled by rules; then the texts that people scored, with some short ones.
WARM_UP, EPOCHS = 2, 4
PHRASES, PHRASES_AN_EPOCH, WORDS_AN_EPOCH, PARAGRAPHS_AN_EPOCH = 30_000, 8_000, 2_000, 300
BATCH, RATE, MASKED, AVERAGED = 64, 2e-3, 0.1, 0.998
DECAY, DECAY_OF_WORDS = 0.01, 0.3

Example = tuple[list[int], Shares]


def main() -> None:
    """Train; then score on validation texts only, or score on test texts and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "nbpipes" / "training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--try-settings", action="store_true", help="leave the test texts alone and write nothing")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(SEED)
    texts, lexicon = read(fetch(given.cache))
    parts = split(texts, SEED)
    tokenizer = learn_tokenizer([text.text for text in parts["train"]], lexicon)
    config = CONFIG | {"vocab_size": tokenizer.get_vocab_size()}
    started = time.perf_counter()
    model = train(config, tokenizer, parts["train"], lexicon)
    minutes = (time.perf_counter() - started) / 60
    # What is scored is what is stored: weights rounded to half precision.
    model = model.half().float()
    print(f"trained in {minutes:.1f} minutes")
    print("validation:", scores(predict(model, tokenizer, parts["validation"]), parts["validation"]))
    if given.try_settings:
        return
    test = parts["test"]
    results = {"this model": judged(predict(model, tokenizer, test), test), "VADER": judged(vader(test), test)}
    results["always POSITIVE"] = judged([LABELS.index("POSITIVE")] * len(test), test)
    counts = {part: len(members) for part, members in parts.items()}
    given.output.mkdir(parents=True, exist_ok=True)
    write(given.output, model, tokenizer, config)
    (given.output / "README.md").write_text(card(results, counts, SEED, minutes), encoding="utf-8")
    size = sum(file.stat().st_size for file in given.output.iterdir())
    print(f"wrote {given.output}, {size / 1e6:.2f} MB")


def learn_tokenizer(texts: Sequence[str], lexicon: Iterable[str]) -> Tokenizer:
    """A lower-case WordPiece tokenizer: pieces of the texts, and each word of the lexicon whole."""
    learner = bert_tokenizer({})
    trainer = trainers.WordPieceTrainer(vocab_size=PIECES, special_tokens=SPECIAL, show_progress=False)
    # Faces stand alone and at the end of words; both forms must be seen to enter the vocabulary.
    learner.train_from_iterator([*texts, *(f"{face} a{face}" for face in FACES)], trainer)
    pieces = set(learner.get_vocab()) | {word.lower() for word in lexicon if word.isalpha()}
    # In alphabetical order, because the trainer's own order changes from run to run.
    tokenizer = bert_tokenizer({token: place for place, token in enumerate([*SPECIAL, *sorted(pieces - set(SPECIAL))])})
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return tokenizer


def bert_tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    """A tokenizer that normalises and splits as BERT's does."""
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, cut to what the model takes."""
    limit = CONFIG["max_position_embeddings"]
    return [[*encoding.ids[:-1][: limit - 1], SEP] for encoding in tokenizer.encode_batch(texts)]


def examples(tokenizer: Tokenizer, scored: Sequence[tuple[str, Shares]]) -> list[Example]:
    """Texts with shares as token ids with shares."""
    ids = encode(tokenizer, [text for text, _ in scored])
    return [(tokens, wanted) for tokens, (_, wanted) in zip(ids, scored, strict=True)]


def fractions(counts: Sequence[int]) -> Shares:
    """Votes as shares of one."""
    negative, neutral, positive = (count / sum(counts) for count in counts)
    return negative, neutral, positive


def paragraphs(texts: Sequence[Text], count: int, chance: random.Random) -> list[tuple[str, Shares]]:
    """Two to twelve texts of one label in a row, so that long inputs and late positions are met in training."""
    by_label = [[text for text in texts if text.label == label] for label in range(len(LABELS))]
    made = []
    for _ in range(count):
        chosen = chance.sample(chance.choice(by_label), chance.randint(2, 12))
        total = fractions([sum(column) for column in zip(*(fractions(text.votes) for text in chosen), strict=True)])
        made.append((" ".join(text.text for text in chosen), total))
    return made


def curriculum(
    tokenizer: Tokenizer, texts: Sequence[Text], lexicon: dict[str, list[int]], chance: random.Random
) -> Iterator[tuple[list[Example], float]]:
    """The examples of each epoch, with the share of tokens to mask."""
    short = examples(tokenizer, phrases(lexicon, PHRASES, chance))
    words = examples(tokenizer, [(word, fractions(votes(given))) for word, given in lexicon.items()])
    scored = examples(tokenizer, [(text.text, fractions(text.votes)) for text in texts])
    for _ in range(WARM_UP):
        # Masking a "not" in a short sentence would teach the opposite of what is meant.
        yield short + words + examples(tokenizer, seeded(texts, lexicon, chance)), 0.0
    for _ in range(EPOCHS):
        joined = examples(tokenizer, paragraphs(texts, PARAGRAPHS_AN_EPOCH, chance))
        some = chance.sample(words, WORDS_AN_EPOCH) + chance.sample(short, PHRASES_AN_EPOCH)
        yield scored + joined + some, MASKED


def seeded(texts: Sequence[Text], lexicon: dict[str, list[int]], chance: random.Random) -> list[tuple[str, Shares]]:
    """The texts with words of the lexicon sown into them, labelled by VADER's rules: rare words in real sentences."""
    analyzer = SentimentIntensityAnalyzer()
    sown = [word for word in lexicon if word.isalpha()]
    made = []
    for text in texts:
        words = [
            chance.choice(sown) if chance.random() < (0.5 if word.lower() in lexicon else 0.1) else word
            for word in text.text.split()
        ]
        sentence = " ".join(words)
        made.append((sentence, shares(3.5 * analyzer.polarity_scores(sentence)["compound"])))
    return made


def batches(data: Sequence[Example], chance: random.Random) -> list[list[Example]]:
    """Batches of like lengths, in random order."""
    shuffled = chance.sample(data, len(data))
    made = []
    for start in range(0, len(shuffled), BATCH * 50):
        ordered = sorted(shuffled[start : start + BATCH * 50], key=lambda example: len(example[0]))
        made += [ordered[place : place + BATCH] for place in range(0, len(ordered), BATCH)]
    chance.shuffle(made)
    return made


def padded(rows: Sequence[list[int]]) -> Tensor:
    """Token ids (rows, longest)."""
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)


def train(config: dict, tokenizer: Tokenizer, texts: Sequence[Text], lexicon: dict[str, list[int]]) -> Classifier:
    """A new model after all epochs: the running average of its weights."""
    chance = random.Random(SEED)
    steps = [
        (batch, masked)
        for data, masked in curriculum(tokenizer, texts, lexicon, chance)
        for batch in batches(data, chance)
    ]
    model = Classifier(config, len(LABELS))
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(groups(model), lr=RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=len(steps), pct_start=0.1)
    model.train()
    total = 0.0
    for step, (batch, masked) in enumerate(steps, 1):
        ids = padded([tokens for tokens, _ in batch])
        hidden = (torch.rand(ids.shape) < masked) & (ids >= len(SPECIAL))
        logits = model(ids.masked_fill(hidden, MASK), ids != PAD)
        loss = F.cross_entropy(logits, torch.tensor([wanted for _, wanted in batch]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        follow(average, model, min(AVERAGED, (1 + step) / (10 + step)))
        total += loss.item()
        if step % 200 == 0 or step == len(steps):
            print(f"step {step} of {len(steps)}, mean loss so far {total / step:.3f}", flush=True)
    return average


def groups(model: Classifier) -> list[dict]:
    """Parameters with their weight decay: much on word vectors, which few texts shape, none on biases and norms."""
    words = model.bert.embeddings.word_embeddings.weight
    others = [weight for weight in model.parameters() if weight is not words]
    return [
        {"params": [words], "weight_decay": DECAY_OF_WORDS},
        {"params": [weight for weight in others if weight.ndim > 1], "weight_decay": DECAY},
        {"params": [weight for weight in others if weight.ndim < 2], "weight_decay": 0.0},
    ]


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Move the averaged weights a little towards the current ones."""
    for old, new in zip(average.parameters(), model.parameters(), strict=True):
        old.lerp_(new, 1 - keep)


@torch.inference_mode()
def predict(model: Classifier, tokenizer: Tokenizer, texts: Sequence[Text]) -> list[int]:
    """The likeliest label of each text."""
    model.eval()
    rows = encode(tokenizer, [text.text for text in texts])
    found: list[int] = []
    for start in range(0, len(rows), BATCH):
        ids = padded(rows[start : start + BATCH])
        found += model(ids, ids != PAD).argmax(-1).tolist()
    return found


def write(folder: Path, model: Classifier, tokenizer: Tokenizer, config: dict) -> None:
    """The model in the layout of the Hub."""
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    (folder / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    roles = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512, **roles}
    for name, value in (("config", config), ("special_tokens_map", roles), ("tokenizer_config", settings)):
        (folder / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
