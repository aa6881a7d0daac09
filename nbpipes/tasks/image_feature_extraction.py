"""Image feature extraction: the vectors that a model has for the patches of an image, or one for the whole of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nbpipes.engine.loop import ChunkOutput
from nbpipes.engine.options import Options
from nbpipes.errors import InputError
from nbpipes.processing.batch import Chunk
from nbpipes.tasks.images import ReadsImages, check_timeout


@dataclass(frozen=True)
class ImageFeatureExtractionOptions(Options):
    """pool: give the one vector of the whole image. return_tensors: give a torch tensor instead of lists.
    image_processor_kwargs: settings of the image processor to replace, named as in preprocessor_config.json.
    timeout: seconds that a download may take, None = 10."""

    image_processor_kwargs: Mapping[str, Any] | None = None
    pool: bool | None = None
    return_tensors: bool = False
    timeout: float | None = None

    def __post_init__(self) -> None:
        check_timeout(self.timeout)


class ImageFeatureExtractionPipeline(ReadsImages[ImageFeatureExtractionOptions]):
    """Turns images into vectors.

    An image gives `[[[float, …], …]]`, one vector for each token of the model; with `pool` one `[[float, …]]`.
    """

    options_class = ImageFeatureExtractionOptions
    kind = "image-feature-extraction"

    def preprocess(self, item: Any, options: ImageFeatureExtractionOptions | None = None) -> Iterator[Chunk]:
        given = options or self.options
        changes = given.image_processor_kwargs
        yield self.image_chunk(item, given.timeout, self.image_processor.changed(changes) if changes else None)

    def postprocess(
        self, outputs: Sequence[ChunkOutput], options: ImageFeatureExtractionOptions | None = None
    ) -> list[Any] | Tensor:
        given, seen = options or self.options, outputs[0].output
        if given.pool and seen.pooled is None:
            raise InputError(
                f"{self.meta.get('model', 'this model')} has no layer that makes one vector of an image: "
                "leave out pool, and take the first token or a mean instead"
            )
        found = (seen.pooled if given.pool else seen.hidden).unsqueeze(0)
        return found if given.return_tensors else found.float().tolist()
