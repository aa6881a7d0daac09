"""Machine-learning pipelines at home in a notebook.

    from nbpipes import pipeline
    ner = pipeline("ner", model="dslim/bert-base-NER", aggregation_strategy="simple")
    ner("Hugging Face is based in New York City.")

In a notebook, `%load_ext nbpipes` brings the `%%pipe` cell magic.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbpipes.display.chosen import set_colors
    from nbpipes.engine.pipeline import Pipeline
    from nbpipes.engine.pipeline import Pipeline as ChunkPipeline
    from nbpipes.engine.registry import jobs
    from nbpipes.engine.spec import PipeSpec
    from nbpipes.factory import PIPELINE_REGISTRY, pipeline
    from nbpipes.notebook.playground import playground
    from nbpipes.notebook.publish import close_all
    from nbpipes.processing.datasets import KeyDataset, KeyPairDataset
    from nbpipes.results.conversation import Conversation
    from nbpipes.store.run import Run
    from nbpipes.widgets.comparison import compare

__version__ = "0.1.0.dev0"
__all__ = [
    "PIPELINE_REGISTRY",
    "ChunkPipeline",
    "Conversation",
    "KeyDataset",
    "KeyPairDataset",
    "PipeSpec",
    "Pipeline",
    "Run",
    "close_all",
    "compare",
    "jobs",
    "pipeline",
    "playground",
    "set_colors",
]

# Names are imported when they are first used: `import nbpipes` must not cost the time of `import torch`.
LAZY = {
    "ChunkPipeline": "nbpipes.engine.pipeline:Pipeline",
    "Conversation": "nbpipes.results.conversation:Conversation",
    "KeyDataset": "nbpipes.processing.datasets:KeyDataset",
    "KeyPairDataset": "nbpipes.processing.datasets:KeyPairDataset",
    "PIPELINE_REGISTRY": "nbpipes.factory:PIPELINE_REGISTRY",
    "PipeSpec": "nbpipes.engine.spec:PipeSpec",
    "Pipeline": "nbpipes.engine.pipeline:Pipeline",
    "Run": "nbpipes.store.run:Run",
    "jobs": "nbpipes.engine.registry:jobs",
    "close_all": "nbpipes.notebook.publish:close_all",
    "compare": "nbpipes.widgets.comparison:compare",
    "enable_pandas": "nbpipes.notebook:enable_pandas",
    "load_ipython_extension": "nbpipes.notebook:load_ipython_extension",
    "pipeline": "nbpipes.factory:pipeline",
    "playground": "nbpipes.notebook.playground:playground",
    "set_colors": "nbpipes.display.chosen:set_colors",
    "unload_ipython_extension": "nbpipes.notebook:unload_ipython_extension",
}


def __getattr__(name: str) -> Any:
    if name in LAZY:
        module, _, attribute = LAZY[name].partition(":")
        return getattr(import_module(module), attribute)
    # The classes of tasks, say TextClassificationPipeline: their registry is the one list of them.
    found = import_module("nbpipes.tasks.registry").find_class(name) if name.endswith("Pipeline") else None
    if found is None:
        raise AttributeError(f"module 'nbpipes' has no attribute {name!r}")
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *LAZY})
