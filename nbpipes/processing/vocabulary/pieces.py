"""A SentencePiece model as a backend of the tokenizers library, by the rules of the class that it belongs to."""

from collections.abc import Callable, Mapping
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.decoders import Decoder
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from nbpipes.errors import TokenizerError
from nbpipes.processing.sentencepiece import CONTROL, USER_DEFINED, SentencePieces
from nbpipes.processing.vocabulary.settings import Settings, count_of, text_of

SPACE = "▁"

# Gemma's file has these as ordinary symbols.
TURNS = ("<start_of_turn>", "<end_of_turn>")

# That of ASCII, which SigLIP leaves out.
PUNCTUATION = r"[!-/:-@\[-`{-~]"

# Vocabulary entries that only hold a place must never be chosen.
NEVER = -100.0


def build(model: SentencePieces, settings: Settings) -> Tokenizer:
    """Return the backend for `model`, without post-processor and without tokens beside the vocabulary."""
    layout = settings.style.pieces
    head = _expand(layout.head, model, settings)
    alone = layout.rules == "alone"
    # The library never finds its control pieces in a text; ids of such a backend mean nothing.
    body = [(piece.text, piece.score) for piece in model.pieces[layout.skip :] if not (alone and piece.kind == CONTROL)]
    if layout.rules == "albert":
        body = [(name, score + NEVER if _number_comma(name) else score) for name, score in body]
    elif layout.rules == "gemma":
        body = _with_tab(body)
    vocabulary = [*head, *body, *_expand(layout.tail, model, settings)]
    if alone:
        unknown = [name for name, _ in body].index(model.unk_piece)
    else:
        unknown = model.unk_id + len(head) - layout.skip if layout.unk is None else layout.unk
    backend = Tokenizer(_model(model, vocabulary, unknown, layout.byte_fallback))
    backend.normalizer = NORMALIZERS[layout.rules](model.charsmap, settings.values)
    backend.pre_tokenizer = _pre_tokenizer(layout.rules, settings.values)
    backend.decoder = _decoder(layout.rules, settings.values)
    turns = TURNS if layout.rules == "gemma" else ()
    marked = (USER_DEFINED,) if alone or layout.rules == "siglip" else (CONTROL, USER_DEFINED)
    backend.add_tokens(
        [
            AddedToken(piece.text, normalized=False, special=piece.kind == CONTROL or piece.text in turns)
            for piece in model.pieces
            if piece.kind in marked
        ]
    )
    return backend


def _model(
    model: SentencePieces, vocabulary: list[tuple[str, float]], unknown: int, byte_fallback: bool
) -> models.Model:
    if model.algorithm == "unigram":
        return models.Unigram(vocabulary, unk_id=unknown, byte_fallback=byte_fallback)
    if model.algorithm != "bpe":
        raise TokenizerError(f"SentencePiece models of kind {model.algorithm!r} cannot be read")
    return models.BPE(
        {name: place for place, (name, _) in enumerate(vocabulary)},
        merges(model, dict(vocabulary)),
        unk_token=model.unk_piece,
        fuse_unk=True,
        byte_fallback=byte_fallback,
    )


def merges(model: SentencePieces, scores: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return the merges that lead to the pieces of `scores`, best first.

    SentencePiece stores no merges: any two pieces join into a third, and the score of that one decides which do first.
    """
    places = {piece.text: place for place, piece in enumerate(model.pieces)}
    if "\t" in scores:
        places.setdefault("\t", places.get("<0x09>", 0))
    found = []
    for name, score in scores.items():
        splits = [(name[:cut], name[cut:]) for cut in range(1, len(name))]
        known = [pair for pair in splits if pair[0] in places and pair[1] in places]
        found += [(score, pair) for pair in sorted(known, key=lambda pair: (places[pair[0]], places[pair[1]]))]
    found.sort(key=lambda merge: (merge[0], len(merge[1][0]), len(merge[1][1])), reverse=True)
    return [pair for _, pair in found]


def _expand(names: tuple[str, ...], model: SentencePieces, settings: Settings) -> list[tuple[str, float]]:
    """Return the vocabulary entries that the head or the tail of a style stands for."""
    entries: list[tuple[str, float]] = []
    for name in names:
        if not name.startswith("{"):
            entries.append((name, NEVER if name == "<unk>NOTUSED" else 0.0))
        elif name == "{same}":
            entries += [(piece.text, 0.0) for piece in model.pieces[: settings.style.pieces.skip]]
        elif name == "{languages}":
            entries += [(code, 0.0) for code in settings.style.additional]
        elif name == "{sentinels}":
            count = count_of(settings.values, "extra_ids")
            entries += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(count))]
        elif name == "{reserved}":
            entries += _reserved(settings)
        else:
            token = settings.tokens.get(f"{name.strip('{}')}_token")
            if token is None:
                raise TokenizerError(f"the vocabulary begins with the {name.strip('{}')} token, but none is given")
            entries.append((text_of(token), 0.0))
    return entries


def _reserved(settings: Settings) -> list[tuple[str, float]]:
    """Return the entries of Pegasus between its own special tokens and the pieces."""
    sentence, offset = settings.values["mask_token_sent"], count_of(settings.values, "offset")
    masks = [] if sentence is None else [sentence, text_of(settings.tokens.get("mask_token", ""))]
    return [(mask, 0.0) for mask in masks if mask] + [(f"<unk_{i}>", NEVER) for i in range(2, offset)]


def _number_comma(name: str) -> bool:
    """Whether a piece ends in a comma behind a digit; ALBERT cuts such commas off."""
    return len(name) > 1 and name[-1] == "," and name[-2].isdigit()


def _with_tab(body: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Give Gemma vocabularies without a tab the tab in place of its byte."""
    if any(name == "\t" for name, _ in body):
        return body
    return [("\t", 0.0) if name == "<0x09>" else (name, score) for name, score in body]


def _compiled(charsmap: bytes) -> list[Normalizer]:
    return [normalizers.Precompiled(charsmap)] if charsmap else []


def _plain(charsmap: bytes, values: Mapping[str, Any]) -> Normalizer:
    steps = [normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), SPACE)]
    return normalizers.Sequence([*_compiled(charsmap), *steps])


def _alone(charsmap: bytes, values: Mapping[str, Any]) -> Normalizer:
    """As the SentencePiece library itself does it."""
    spaces = [normalizers.Replace(Regex(r"\A +| +\z"), ""), normalizers.Replace(Regex(" {2,}"), " ")]
    marks = [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]
    last = normalizers.Replace(Regex(f"{SPACE}+\\z"), "")  # those that the text itself has
    return normalizers.Sequence([*_compiled(charsmap), *spaces, *marks, last])


def _albert(charsmap: bytes, values: Mapping[str, Any]) -> Normalizer:
    steps: list[Normalizer] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not values.get("keep_accents"):
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if values.get("do_lower_case"):
        steps.append(normalizers.Lowercase())
    return normalizers.Sequence([*steps, *_compiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")])


def _deberta(charsmap: bytes, values: Mapping[str, Any]) -> Normalizer:
    steps: list[Normalizer] = [normalizers.Lowercase()] if values.get("do_lower_case") else []
    steps += [normalizers.Strip(), *_compiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")]
    return normalizers.Sequence(steps)


def _siglip(charsmap: bytes, values: Mapping[str, Any]) -> Normalizer:
    steps: list[Normalizer] = [normalizers.Lowercase()] if values["do_lower_case"] else []
    steps += [normalizers.Replace(SPACE, " "), normalizers.Replace(Regex(PUNCTUATION), "")]
    single = normalizers.Replace(Regex(r"\s+"), " ")
    steps += [single, *_compiled(charsmap), normalizers.Strip(left=False)]
    # A space at the beginning stands beside the one that every text begins with.
    return normalizers.Sequence([*steps, normalizers.Replace(Regex(r"^\s+"), SPACE * 2), single])


def _llama(charsmap: bytes, values: Mapping[str, Any]) -> Normalizer | None:
    if not values["legacy"]:
        return None
    steps: list[Normalizer] = [normalizers.Prepend(SPACE)] if values["add_prefix_space"] else []
    return normalizers.Sequence([*steps, normalizers.Replace(" ", SPACE)])


def _gemma(charsmap: bytes, values: Mapping[str, Any]) -> Normalizer:
    return normalizers.Replace(" ", SPACE)


NORMALIZERS: Mapping[str, Callable[[bytes, Mapping[str, Any]], Normalizer | None]] = {
    "plain": _plain,
    "pegasus": _plain,
    "alone": _alone,
    "albert": _albert,
    "deberta": _deberta,
    "siglip": _siglip,
    "llama": _llama,
    "gemma": _gemma,
}


def _prepend(values: Mapping[str, Any]) -> str:
    if not values.get("add_prefix_space", True):
        return "never"
    return "always" if values.get("legacy", True) else "first"


def _pre_tokenizer(rules: str, values: Mapping[str, Any]) -> PreTokenizer | None:
    if rules == "gemma":
        return pre_tokenizers.Split(" ", "merged_with_previous")
    if rules == "llama":
        if values["legacy"]:
            return None
        return pre_tokenizers.Metaspace(SPACE, prepend_scheme=_prepend(values), split=False)
    words = pre_tokenizers.Metaspace(SPACE, prepend_scheme="never" if rules == "alone" else _prepend(values))
    if rules == "pegasus":
        return pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), words])
    if rules == "deberta":
        marks = [pre_tokenizers.Punctuation(behavior="isolated")] if values.get("split_by_punct") else []
        return pre_tokenizers.Sequence([*marks, words])
    return words


def _decoder(rules: str, values: Mapping[str, Any]) -> Decoder:
    if rules == "siglip":
        words = decoders.Metaspace(SPACE, prepend_scheme="always")
        return decoders.Sequence([words, decoders.Fuse(), decoders.Replace(Regex(r"^\s+|\s+$"), "")])
    if rules not in ("llama", "gemma"):
        return decoders.Metaspace(SPACE, prepend_scheme=_prepend(values))
    steps: list[Decoder] = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if rules == "llama" and values["add_prefix_space"]:
        steps.append(decoders.Strip(content=" ", left=1))
    return decoders.Sequence(steps)
