"""The tokenizer classes that are known, and the class that each model type uses."""

from dataclasses import replace

from nbpipes.processing.vocabulary.codes import CODES_100, LANGUAGES, LANGUAGES_50, LANGUAGES_NLLB
from nbpipes.processing.vocabulary.styles import PLAIN, ROLES, TYPED, Pieces, Style

BERT_TOKENS = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}
ENCLOSED = {"bos": "[CLS]", "eos": "[SEP]", **BERT_TOKENS}
FAIRSEQ = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "sep": "</s>", "pad": "<pad>", "cls": "<s>", "mask": "<mask>"}
END_OF_TEXT = {"bos": "<|endoftext|>", "eos": "<|endoftext|>", "unk": "<|endoftext|>"}
UNMASKED = tuple(role for role in ROLES if role != "mask")

_LIKE_BERT = (
    *("ConvBert", "DPRContextEncoder", "DPRQuestionEncoder", "DPRReader", "Electra", "LayoutLM", "LayoutLMv2"),
    *("Lxmert", "MobileBert", "SqueezeBert"),
)

BERT = Style(
    "BertTokenizer",
    reads="wordpiece",
    tokens=BERT_TOKENS,
    settings={"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None},
    single="cls:0 $A:0 sep:0",
    pair="cls:0 $A:0 sep:0 $B:1 sep:1",
    inputs=TYPED,
)
ROBERTA = Style(
    "RobertaTokenizer",
    reads="bytes",
    tokens=FAIRSEQ,
    mask="l",
    loose=UNMASKED,
    settings={"add_prefix_space": False, "trim_offsets": True},
    single="cls:0 $A:0 sep:0",
    pair="cls:0 $A:0 sep:0 sep:0 $B:0 sep:0",
    spaced=True,
)
GPT2 = Style(
    "GPT2Tokenizer",
    reads="bytes",
    tokens=END_OF_TEXT,
    loose=ROLES,
    settings={"add_prefix_space": False, "add_bos_token": False},
    single="bos:0 $A:0",
    pair="bos:0 $A:0 $B:1",
    spaced=True,
)
XLM_ROBERTA = Style(
    "XLMRobertaTokenizer",
    reads="pieces",
    tokens=FAIRSEQ,
    mask="l",
    single=ROBERTA.single,
    pair=ROBERTA.pair,
    pieces=Pieces(head=("<s>", "<pad>", "</s>", "<unk>"), skip=3, tail=("<mask>",), unk=3),
)
ALBERT = Style(
    "AlbertTokenizer",
    reads="pieces",
    tokens={**ENCLOSED, "unk": "<unk>", "pad": "<pad>"},
    mask="l",
    settings={"do_lower_case": True, "keep_accents": False},
    single=BERT.single,
    pair=BERT.pair,
    inputs=TYPED,
    pieces=Pieces(rules="albert"),
)
MBART = replace(
    XLM_ROBERTA,
    name="MBartTokenizer",
    additional=LANGUAGES,
    settings={"src_lang": "en_XX"},
    single="$A:0 eos:0 language:0",
    pair="$A:0 $B:0 eos:0 language:0",
    rewrites=True,
    pieces=replace(XLM_ROBERTA.pieces, tail=("{languages}", "<mask>")),
)
MBART_50 = replace(
    MBART,
    name="MBart50Tokenizer",
    tokens={role: token for role, token in FAIRSEQ.items() if role != "bos"},
    additional=LANGUAGES_50,
    mask="ln",
    single="language:0 $A:0 eos:0",
    pair="language:0 $A:0 $B:0 eos:0",
)
T5 = Style(
    "T5Tokenizer",
    reads="pieces",
    tokens={"eos": "</s>", "unk": "<unk>", "pad": "<pad>"},
    settings={"extra_ids": 100, "add_prefix_space": True, "legacy": True},
    single="$A:0 eos:0",
    pair="$A:0 eos:0 $B:0 eos:0",
    pieces=Pieces(tail=("{sentinels}",)),
)
LLAMA = Style(
    "LlamaTokenizer",
    reads="pieces",
    tokens={"bos": "<s>", "eos": "</s>", "unk": "<unk>"},
    settings={"add_bos_token": True, "add_eos_token": False, "add_prefix_space": True, "legacy": True},
    single="bos:0 $A:0 eos:0",
    pair="bos:0 $A:0 eos:0 bos:1 $B:1 eos:1",
    rewrites=True,
    padding_side="left",
    pieces=Pieces(head=("{same}",), skip=3, unk=0, rules="llama", byte_fallback=True),
)
ROWS = (
    BERT,
    *(replace(BERT, name=f"{name}Tokenizer") for name in _LIKE_BERT),
    replace(BERT, name="DistilBertTokenizer", inputs=ROBERTA.inputs),
    replace(BERT, name="TapasTokenizer", additional=("[EMPTY]",), inputs=PLAIN),
    replace(
        BERT,
        name="MPNetTokenizer",
        tokens={**FAIRSEQ, "unk": "[UNK]"},
        mask="l",
        pair="cls:0 $A:0 sep:0 sep:0 $B:1 sep:1",
        inputs=ROBERTA.inputs,
    ),
    replace(
        BERT,
        name="FunnelTokenizer",
        tokens={**FAIRSEQ, "cls": "<cls>", "sep": "<sep>"},
        single="cls:2 $A:0 sep:0",
        pair="cls:2 $A:0 sep:0 $B:1 sep:1",
    ),
    ROBERTA,
    replace(ROBERTA, name="LongformerTokenizer"),
    replace(ROBERTA, name="BartTokenizer", mask="ln"),
    replace(ROBERTA, name="LEDTokenizer", mask="ln"),
    replace(ROBERTA, name="TapexTokenizer", settings={**ROBERTA.settings, "do_lower_case": True}),
    replace(ROBERTA, name="MvpTokenizer", loose=()),
    replace(
        ROBERTA,
        name="LayoutLMv3Tokenizer",
        mask="ln",
        settings={**ROBERTA.settings, "add_prefix_space": True, "sep_token_box": [0] * 4},
    ),
    replace(
        ROBERTA,
        name="BlenderbotTokenizer",
        settings={"add_prefix_space": False},
        single="$A:0 eos:0",
        pair="$A:0 $B:1",
    ),
    GPT2,
    replace(GPT2, name="CodeGenTokenizer", loose=(), settings={"add_prefix_space": False}, single="", pair=""),
    replace(
        GPT2,
        name="DebertaTokenizer",
        tokens=ENCLOSED,
        mask="ln",
        loose=(),
        settings={"add_prefix_space": False},
        single=BERT.single,
        pair=BERT.pair,
        inputs=("input_ids", "attention_mask", "token_type_ids"),
    ),
    replace(
        GPT2,
        name="CLIPTokenizer",
        tokens={**END_OF_TEXT, "bos": "<|startoftext|>", "pad": "<|endoftext|>"},
        settings={"trim_offsets": False},
        single="bos:0 $A:0 eos:0",
        pair="bos:0 $A:0 eos:0 eos:0 $B:0 eos:0",
        spaced=False,
    ),
    Style(
        "Qwen2Tokenizer",
        reads="bytes",
        tokens={"eos": "<|endoftext|>", "unk": "<|endoftext|>", "pad": "<|endoftext|>"},
    ),
    XLM_ROBERTA,
    replace(
        XLM_ROBERTA,
        name="CamembertTokenizer",
        additional=("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"),
        pieces=replace(
            XLM_ROBERTA.pieces,
            head=("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"),
            skip=1,
        ),
    ),
    ALBERT,
    replace(
        ALBERT,
        name="DebertaV2Tokenizer",
        tokens=ENCLOSED,
        mask="",
        loose=("unk",),
        settings={"do_lower_case": False, "split_by_punct": False},
        pieces=Pieces(rules="deberta"),
    ),
    MBART,
    MBART_50,
    T5,
    replace(T5, name="MT5Tokenizer"),
    Style(
        "PegasusTokenizer",
        reads="pieces",
        tokens={"eos": "</s>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask_2>"},
        settings={"mask_token_sent": "<mask_1>", "offset": 103},
        single="$A:0 eos:0",
        pair="$A:0 $B:0 eos:0",
        pieces=Pieces(head=("{pad}", "{eos}", "{reserved}"), skip=2, rules="pegasus"),
    ),
    Style(
        "SiglipTokenizer",
        reads="pieces",
        tokens={"eos": "</s>", "unk": "<unk>", "pad": "</s>"},
        settings={"do_lower_case": True, "model_max_length": 64},
        single="$A:0 eos:0",
        pair="$A:0 eos:0 $B:0 eos:0",
        older=True,
        pieces=Pieces(rules="siglip"),
    ),
    Style(
        "MarianTokenizer",
        reads="looked up",
        tokens={"eos": "</s>", "unk": "<unk>", "pad": "<pad>"},
        single="$A:0 eos:0",
        pair="$A:0 $B:0 eos:0",
        pieces=Pieces(rules="alone"),
    ),
    Style(
        "M2M100Tokenizer",
        reads="looked up",
        tokens={role: FAIRSEQ[role] for role in ("bos", "eos", "unk", "sep", "pad")},
        additional=tuple(f"__{code}__" for code in CODES_100),
        settings={"src_lang": "en"},
        single=MBART_50.single,
        pair=MBART_50.pair,
        pieces=Pieces(rules="alone"),
    ),
    replace(
        MBART_50,
        name="NllbTokenizer",
        tokens=FAIRSEQ,
        additional=LANGUAGES_NLLB,
        settings={"src_lang": "eng_Latn"},
        pieces=replace(MBART_50.pieces, tail=()),
    ),
    Style(
        "BlenderbotSmallTokenizer",
        reads="pairs",
        tokens={"bos": "__start__", "eos": "__end__", "unk": "__unk__", "pad": "__null__"},
    ),
    LLAMA,
    replace(
        LLAMA,
        name="GemmaTokenizer",
        tokens={"bos": "<bos>", "eos": "<eos>", "unk": "<unk>", "pad": "<pad>"},
        settings={"add_bos_token": True, "add_eos_token": False},
        pieces=Pieces(head=("{pad}", "{eos}", "{bos}"), skip=3, unk=3, rules="gemma", byte_fallback=True),
    ),
    # Known from a tokenizer.json only.
    Style(
        "GPTNeoXTokenizer",
        tokens=END_OF_TEXT,
        settings={"add_bos_token": False, "add_eos_token": False},
        single=LLAMA.single,
        pair=LLAMA.pair,
        rewrites=True,
    ),
    Style(
        "CohereTokenizer",
        tokens={"bos": "<BOS_TOKEN>", "eos": "<|END_OF_TURN_TOKEN|>", "unk": "<UNK>"},
        settings={"add_bos_token": True, "add_eos_token": False},
        single=LLAMA.single,
        pair=LLAMA.pair,
        rewrites=True,
        padding_side="left",
    ),
    Style("WhisperTokenizer", tokens=END_OF_TEXT, spaced=True),
    Style("BloomTokenizer", tokens={role: FAIRSEQ[role] for role in ("bos", "eos", "unk", "pad")}, spaced=True),
    Style("BigBirdTokenizer", tokens={**FAIRSEQ, "sep": "[SEP]", "cls": "[CLS]", "mask": "[MASK]"}, mask="ln"),
    Style("BarthezTokenizer", tokens=FAIRSEQ, mask="ln"),
    Style("RemBertTokenizer", tokens=ALBERT.tokens, mask="ln", inputs=TYPED),
    Style(
        "FNetTokenizer",
        tokens={role: ALBERT.tokens[role] for role in BERT_TOKENS},
        mask="ln",
        inputs=("input_ids", "token_type_ids"),
    ),
    Style(
        "XLNetTokenizer",
        tokens={**FAIRSEQ, "sep": "<sep>", "cls": "<cls>"},
        additional=("<eop>", "<eod>"),
        mask="ln",
        inputs=TYPED,
        padding_side="left",
    ),
    Style("CodeLlamaTokenizer", tokens=LLAMA.tokens, padding_side="left"),
    Style(
        "Wav2Vec2CTCTokenizer",
        reads="letters",
        tokens={role: FAIRSEQ[role] for role in ("bos", "eos", "unk", "pad")},
        settings={"word_delimiter_token": "|", "replace_word_delimiter_char": " ", "do_lower_case": False},
    ),
    *(
        Style(f"{name}Tokenizer", inputs=TYPED)
        for name in ("Cpm", "Herbert", "PreTrained", "Realm", "RoFormer", "Splinter")
    ),
)
STYLES = {style.name: style for style in ROWS}

_TYPES_OF = {
    "Albert": "albert nystromformer yoso",
    "Bart": "bart",
    "Barthez": "barthez",
    "Bert": (
        "align bark bert blip bros chinese_clip ernie git grounding-dino megatron-bert mm-grounding-dino nezha qdqbert "
        "tvp vilt visual_bert"
    ),
    "BigBird": "big_bird",
    "Blenderbot": "blenderbot",
    "BlenderbotSmall": "blenderbot-small",
    "Bloom": "bloom",
    "CLIP": "aimv2 clip clipseg groupvit omdet-turbo oneformer owlv2 owlvit xclip",
    "Camembert": "camembert",
    "CodeGen": "codegen phi",
    "CodeLlama": "code_llama",
    "Cohere": "aya_vision cohere cohere2",
    "ConvBert": "convbert",
    "DPRQuestionEncoder": "dpr",
    "Deberta": "deberta",
    "DebertaV2": "deberta-v2",
    "DistilBert": "distilbert",
    "Electra": "electra",
    "FNet": "fnet",
    "Funnel": "funnel",
    "GPT2": (
        "blip-2 dbrx emu3 exaone4 flex_olmo gpt2 gpt_bigcode gpt_neo gptj granite granitemoe granitemoehybrid "
        "granitemoeshared instructblip instructblipvideo minimax olmo3 opt starcoder2"
    ),
    "GPTNeoX": "falcon_mamba gpt_neox mamba mamba2 mpt olmo olmo2 olmoe rwkv stablelm xlstm",
    "Gemma": ("gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma shieldgemma2 siglip2 t5gemma"),
    "LED": "led",
    "LayoutLM": "layoutlm",
    "LayoutLMv2": "layoutlmv2",
    "LayoutLMv3": "layoutlmv3 lilt",
    "Llama": (
        "arcee aria chameleon colpali deepseek_v2 deepseek_v3 deepseek_vl deepseek_vl_hybrid diffllama ernie4_5 "
        "ernie4_5_moe idefics idefics2 idefics3 jamba janus jetmoe llama llama4 llama4_text llava llava_next "
        "llava_next_video llava_onevision ministral mistral mistral3 mixtral mllama paligemma persimmon phi3 phimoe "
        "video_llava vipllava zamba zamba2"
    ),
    "Longformer": "longformer",
    "Lxmert": "lxmert",
    "M2M100": "m2m_100",
    "MBart": "mbart",
    "MBart50": "mbart50",
    "MPNet": "mpnet",
    "MT5": "mt5",
    "Marian": "marian",
    "MobileBert": "mobilebert",
    "Mvp": "mvp",
    "Nllb": "nllb nllb-moe",
    "Pegasus": "bigbird_pegasus pegasus pegasus_x",
    "PreTrained": (
        "bitnet blt csm falcon glm glm4 glm4_moe glm4v glm4v_moe gpt_oss helium kosmos-2.5 modernbert moonshine moshi "
        "nemotron pixtral smollm3 voxtral"
    ),
    "Qwen2": (
        "colqwen2 internvl qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_moe qwen3_next "
        "qwen3_omni_moe qwen3_vl qwen3_vl_moe"
    ),
    "RemBert": "rembert",
    "RoFormer": "roformer",
    "Roberta": "bridgetower clap data2vec-text ibert mega mra roberta roberta-prelayernorm",
    "Siglip": "siglip",
    "SqueezeBert": "squeezebert",
    "Tapas": "tapas",
    "Tapex": "tapex",
    "T5": "longt5 musicgen musicgen_melody pix2struct switch_transformers t5 umt5",
    "Wav2Vec2CTC": (
        "data2vec-audio hubert mctct sew sew-d unispeech unispeech-sat wav2vec2 wav2vec2-bert wav2vec2-conformer wavlm"
    ),
    "Whisper": "whisper",
    "XLMRoberta": "kosmos-2 metaclip_2 xlm-roberta xlm-roberta-xl xmod",
    "XLNet": "xlnet",
}
MODEL_TYPES = {model_type: f"{name}Tokenizer" for name, types in _TYPES_OF.items() for model_type in types.split()}


def find(name: str | None, model_type: str | None) -> Style:
    """Return the style of the tokenizer class `name` or, without a name, of the class that `model_type` uses.

    Of a class that is not listed only the model's inputs are known: its tokenizer.json says everything else.
    """
    usual = MODEL_TYPES.get(model_type or "", "")
    known = (name or usual).removesuffix("Fast")
    if known in STYLES:
        return STYLES[known]
    return Style(known, inputs=STYLES[usual].inputs) if usual else Style(known)
