"""The only list of model types: the name in config.json, and the module that knows it."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from nbpipes.errors import ConfigError, nearest
from nbpipes.models.family import Family

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "albert": "text.albert",
        "bert": "text.bert",
        "camembert": "text.bert",
        "deberta": "text.deberta",
        "deberta-v2": "text.deberta",
        "distilbert": "text.bert",
        "electra": "text.electra",
        "modernbert": "text.modernbert",
        "mpnet": "text.mpnet",
        "roberta": "text.bert",
        "xlm-roberta": "text.bert",
    }
)


def family(model_type: str) -> Family:
    """The family of a model type; ConfigError names the nearest supported ones for an unknown type."""
    if model_type not in MODULES:
        hint = nearest(model_type, MODULES)
        raise ConfigError(f"models of type {model_type!r} are not supported{hint}. Supported: {', '.join(MODULES)}")
    return import_module(f"nbpipes.models.{MODULES[model_type]}").FAMILIES[model_type]
