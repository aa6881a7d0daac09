"""Methods of pipelines that the documents name and that old code calls."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from torch import nn

from nbpipes.errors import TaskError
from nbpipes.layers.linear import device_of


class Documented:
    """The scikit-learn and Keras faces, what a pipeline tells of itself, device helpers and checks."""

    model: nn.Module
    task: str
    framework = "pt"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "_sanitize_parameters" in cls.__dict__:
            raise TypeError(
                f"{cls.__name__} defines _sanitize_parameters, which nbpipes never calls: give the class a frozen "
                "dataclass of its keywords, `options_class = MyOptions` with `class MyOptions(Options)` from "
                "nbpipes.engine.options; preprocess(item, options) and postprocess(outputs, options) get them"
            )

    def __repr__(self) -> str:
        about = {"task": self.task, **self.meta}
        told = (f"{name}={about[name]!r}" for name in ("task", "model", "device", "dtype") if about.get(name))
        return f"{type(self).__name__}({', '.join(told)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a pipeline does not pickle. Send nbpipes.PipeSpec.of(pipe) instead: it pickles, and its build() loads the "
            "pipeline where it arrives"
        )

    def predict(self, X: Any) -> Any:
        """The same as a call."""
        return self(X)  # type: ignore[operator]

    def transform(self, X: Any) -> Any:
        """The same as a call."""
        return self(X)  # type: ignore[operator]

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of the model."""
        return next(self.model.parameters()).dtype

    dtype = torch_dtype

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return device_of(self.model)

    @property
    def meta(self) -> dict[str, Any]:
        """Where results come from: model, revision, device, dtype."""
        repo = getattr(self.model, "repo", None)
        about = {"model": repo.name, "revision": repo.commit} if repo is not None else {}
        return about | {"device": str(self.device), "dtype": str(self.dtype).removeprefix("torch.")}

    @contextmanager
    def device_placement(self) -> Iterator[None]:
        """Tensors that are made inside are made on the pipeline's device."""
        with torch.device(self.device):
            yield

    def ensure_tensor_on_device(self, **inputs: Any) -> dict[str, Any]:
        """The same values with every tensor, also those inside dicts, lists and tuples, on the pipeline's device."""
        return {name: _moved(value, self.device) for name, value in inputs.items()}

    def check_model_type(self, supported_models: Iterable[str] | Mapping[Any, Any]) -> None:
        """Raises a TaskError unless the model's type is among the given ones."""
        names = [str(getattr(model, "__name__", model)) for model in supported_models]
        model_type = getattr(getattr(self.model, "config", None), "model_type", "")
        if model_type not in names:
            raise TaskError(f"a model of type {model_type!r} cannot do {self.task}. Supported: {', '.join(names)}")


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(inner, device) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(inner, device) for inner in value)
    return value
