"""How images become pixels for each kind of image processor, as data: settings with their defaults, and ordered steps.

The names of the settings are those of preprocessor_config.json.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from PIL import Image

from nbpipes.errors import ConfigError, nearest
from nbpipes.processing.resizing import (
    Size,
    by_long_side,
    by_short_side,
    center_cropped,
    filling,
    fixed,
    framed,
    in_patches,
    laid_along,
    near,
    resized,
    thumbnail,
    within,
)

LARGEST = 16_384
"""Pixels of a side that a config may ask for."""
HALF = (0.5, 0.5, 0.5)
IMAGENET = {"image_mean": (0.485, 0.456, 0.406), "image_std": (0.229, 0.224, 0.225)}
OPENAI = {
    "image_mean": (0.48145466, 0.4578275, 0.40821073),
    "image_std": (0.26862954, 0.26130258, 0.27577711),
}
NEAREST, BILINEAR, BICUBIC = Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a preprocessor_config.json may say. Sizes are `height` and `width`, or `shortest_edge` (`longest_edge`)."""

    do_resize: bool = True
    size: Mapping[str, int] = field(default_factory=lambda: {"height": 224, "width": 224})
    resample: Image.Resampling = BILINEAR
    crop_pct: float = 224 / 256
    do_center_crop: bool = False
    crop_size: Mapping[str, int] = field(default_factory=lambda: {"height": 224, "width": 224})
    do_rescale: bool = True
    rescale_factor: float = 1 / 255
    rescale_offset: bool = False
    do_normalize: bool = True
    image_mean: tuple[float, ...] = HALF
    image_std: tuple[float, ...] = HALF
    include_top: bool = False
    keep_aspect_ratio: bool = False
    ensure_multiple_of: int = 1
    size_divisor: int = 1
    do_pad: bool = False
    do_align_long_axis: bool = False
    do_thumbnail: bool = True
    patch_size: int = 16
    max_num_patches: int = 256

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(item.name for item in fields(cls))


Step = Callable[[Image.Image, Settings], Image.Image]


def resize(image: Image.Image, given: Settings) -> Image.Image:
    """To a fixed size, or by the short side."""
    if not given.do_resize:
        return image
    size = fixed(given.size) or by_short_side(image.height, image.width, given.size["shortest_edge"])
    return resized(image, size, given.resample)


def resize_within(image: Image.Image, given: Settings, multiple: int = 1) -> Image.Image:
    """By the short side, unless the long one becomes too long; or by the long side, or as large as a room holds."""
    if not given.do_resize:
        return image
    size = fixed(given.size) or _found(image, given.size, multiple)
    return resized(image, size, given.resample)


def _found(image: Image.Image, size: Mapping[str, int], multiple: int) -> Size:
    if "shortest_edge" in size:
        return within(image.height, image.width, size["shortest_edge"], size.get("longest_edge"), multiple)
    if "longest_edge" in size:
        return by_long_side(image.height, image.width, size["longest_edge"])
    return filling(image.height, image.width, (size["max_height"], size["max_width"]))


def resize_to_patches(image: Image.Image, given: Settings) -> Image.Image:
    """As `resize_within`, to whole patches of 16 pixels."""
    return resize_within(image, given, 16)


def resize_to_multiple(image: Image.Image, given: Settings) -> Image.Image:
    """By the short side, unless the long one becomes too long, and up to the next multiples of `size_divisor`."""
    if not given.do_resize:
        return image
    short, longest = given.size.get("shortest_edge", 0), given.size.get("longest_edge", 1333)
    height, width = fixed(given.size) or by_short_side(image.height, image.width, short, longest)
    step = given.size_divisor
    return resized(image, (height + -height % step, width + -width % step), given.resample)


def resize_for_crop(image: Image.Image, given: Settings) -> Image.Image:
    """To a square: small ones are cropped from a somewhat larger image, others are warped."""
    if not given.do_resize:
        return image
    side = given.size["shortest_edge"]
    if side >= 384:
        return resized(image, (side, side), given.resample)
    larger = by_short_side(image.height, image.width, int(side / given.crop_pct))
    return center_cropped(resized(image, larger, given.resample), (side, side))


def resize_near(image: Image.Image, given: Settings) -> Image.Image:
    """To a size near the wanted one, in the image's proportions or not, whose sides are multiples of a number."""
    if not given.do_resize:
        return image
    size = given.size["height"], given.size["width"]
    keep, multiple = given.keep_aspect_ratio, given.ensure_multiple_of
    return resized(image, near(image.height, image.width, size, keep=keep, multiple=multiple), given.resample)


def resize_down(image: Image.Image, given: Settings) -> Image.Image:
    """To sides that are multiples of a number, by less than that."""
    if not given.do_resize:
        return image
    part = given.size_divisor
    return resized(image, (max(image.height // part, 1) * part, max(image.width // part, 1) * part), given.resample)


def resize_page(image: Image.Image, given: Settings) -> Image.Image:
    """Turned to lie as the size does, by the short side, and then smaller until the size holds it."""
    size = given.size["height"], given.size["width"]
    if given.do_align_long_axis:
        image = laid_along(image, size)
    if given.do_resize:
        image = resized(image, by_short_side(image.height, image.width, min(size)), given.resample)
    return thumbnail(image, size) if given.do_thumbnail else image


def pad(image: Image.Image, given: Settings) -> Image.Image:
    """Into the middle of a black image."""
    return framed(image, (given.size["height"], given.size["width"])) if given.do_pad else image


def resize_into_patches(image: Image.Image, given: Settings) -> Image.Image:
    """To as many whole patches as may be, in about the image's proportions."""
    if not given.do_resize:
        return image
    size = in_patches(image.height, image.width, given.patch_size, given.max_num_patches)
    return resized(image, size, given.resample)


def crop(image: Image.Image, given: Settings) -> Image.Image:
    """To the middle."""
    if not given.do_center_crop:
        return image
    return center_cropped(image, (given.crop_size["height"], given.crop_size["width"]))


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps in their order, and the settings that a config leaves out.

    sizes: the forms of `size` that the steps know; a bare number means the first of them. longest: the `longest_edge`
    of a config whose size is a bare number and whose max_size is not there.
    centred: whether do_pad means zeros on all sides of an image, up to multiples of size_divisor; else zeros to the
    right and below, as far as its batch needs them. turned: whether a size of two numbers has the width first.
    patched: whether images are cut into patches of patch_size pixels.
    """

    steps: tuple[Step, ...]
    defaults: Mapping[str, Any]
    sizes: tuple[str, ...] = ("height",)
    centred: bool = False
    longest: int | None = None
    turned: bool = False
    patched: bool = False

    def read(self, raw: Mapping[str, Any]) -> Settings:
        """The settings of a config; ConfigError names the one that does not hold what it should."""
        given = {name: raw[name] for name in Settings.names() if raw.get(name) is not None}
        if "size" in given:
            given["size"] = self._size(given["size"], raw.get("max_size"))
        if "crop_size" in given:
            given["crop_size"] = _sides("crop_size", given["crop_size"], ("height",))
        return Settings(**(dict(self.defaults) | {name: _checked(name, value) for name, value in given.items()}))

    def _size(self, value: Any, longest: Any) -> dict[str, int]:
        if self.turned and isinstance(value, list | tuple):
            value = value[::-1]
        size = _sides("size", value, self.sizes)
        longest = self.longest if longest is None and isinstance(value, int) else longest
        if longest is not None and "shortest_edge" in size:
            size.setdefault("longest_edge", _side("max_size", longest))
        return size


FORMS = {
    "height": {"height", "width"},
    "shortest_edge": {"shortest_edge"},
    "longest_edge": {"longest_edge"},
    "max_height": {"max_height", "max_width"},
}
"""What a size must hold, by the first name of each form."""


def _sides(name: str, value: Any, forms: tuple[str, ...]) -> dict[str, int]:
    if isinstance(value, int) and not isinstance(value, bool):
        value = {"height": value, "width": value} if forms[0] == "height" else {forms[0]: value}
    elif isinstance(value, list | tuple) and len(value) == 2:
        value = {"height": value[0], "width": value[1]}
    if not isinstance(value, Mapping) or not any(FORMS[form] <= value.keys() for form in forms):
        known = " or ".join(" and ".join(sorted(FORMS[form])) for form in forms)
        raise ConfigError(f"{name!r} of an image processor must hold {known}, not {str(value)[:80]}")
    return {side: _side(f"{name}.{side}", length) for side, length in value.items() if length is not None}


def _side(name: str, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST:
        raise ConfigError(f"{name!r} of an image processor must be a number of pixels from 1 to {LARGEST}: {value!r}")
    return value


def _checked(name: str, value: Any) -> Any:
    if name in ("size", "crop_size"):
        return value
    if name == "resample":
        try:
            return Image.Resampling(value)
        except ValueError:
            raise ConfigError(
                f"'resample' of an image processor must be one of Pillow's filters, not {value!r}"
            ) from None
    if name in ("image_mean", "image_std"):
        values = value if isinstance(value, list | tuple) else [value] * 3
        if len(values) != 3 or not all(isinstance(one, int | float) for one in values):
            raise ConfigError(f"{name!r} of an image processor must hold three numbers, not {str(value)[:80]}")
        if name == "image_std" and 0 in values:
            raise ConfigError("'image_std' of an image processor holds a zero, by which nothing can be divided")
        return tuple(float(one) for one in values)
    if name in ("ensure_multiple_of", "size_divisor", "patch_size", "max_num_patches"):
        return _side(name, value or 1)
    wanted = (int, float) if name in ("crop_pct", "rescale_factor") else bool
    if not isinstance(value, wanted) or (name == "crop_pct" and value <= 0):
        raise ConfigError(f"{name!r} of an image processor cannot be {str(value)[:80]!r}")
    return value


SHORT_SIDE = ("shortest_edge", "height")
BIT = Recipe(
    (resize, crop), {"size": {"shortest_edge": 224}, "resample": BICUBIC, "do_center_crop": True} | OPENAI, SHORT_SIDE
)
MASKFORMER = Recipe(
    (resize_to_multiple,),
    {"size": {"shortest_edge": 800, "longest_edge": 1333}, "size_divisor": 32, "do_pad": True} | IMAGENET,
    SHORT_SIDE,
)
ANY_SIDE = ("shortest_edge", "longest_edge", "max_height", "height")
DETR = Recipe(
    (resize_within,),
    {"size": {"shortest_edge": 800, "longest_edge": 1333}, "do_pad": True} | IMAGENET,
    ANY_SIDE,
    longest=1333,
)
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "BeitImageProcessor": Recipe(
            (resize, crop),
            {"size": {"height": 256, "width": 256}, "resample": BICUBIC, "do_center_crop": True},
        ),
        "BitImageProcessor": BIT,
        "CLIPImageProcessor": BIT,
        "ConditionalDetrImageProcessor": DETR,
        "ConvNextImageProcessor": Recipe((resize_for_crop,), {"size": {"shortest_edge": 384}}, ("shortest_edge",)),
        "DeiTImageProcessor": Recipe(
            (resize, crop),
            {"size": {"height": 256, "width": 256}, "resample": BICUBIC, "do_center_crop": True},
        ),
        "DetrImageProcessor": DETR,
        "DonutImageProcessor": Recipe(
            (resize_page, pad),
            {"size": {"height": 2560, "width": 1920}, "do_pad": True},
            centred=True,
            turned=True,
        ),
        "DPTImageProcessor": Recipe(
            (resize_near,), {"size": {"height": 384, "width": 384}, "resample": BICUBIC}, centred=True
        ),
        "EfficientNetImageProcessor": Recipe(
            (resize, crop),
            {
                "size": {"height": 346, "width": 346},
                "resample": NEAREST,
                "crop_size": {"height": 289, "width": 289},
                "include_top": True,
            },
        ),
        "GLPNImageProcessor": Recipe((resize_down,), {"size_divisor": 32, "do_normalize": False}),
        "LayoutLMv3ImageProcessor": Recipe((resize,), {}),
        "Mask2FormerImageProcessor": MASKFORMER,
        "MaskFormerImageProcessor": MASKFORMER,
        "MobileNetV2ImageProcessor": Recipe(
            (resize, crop), {"size": {"shortest_edge": 256}, "do_center_crop": True}, SHORT_SIDE
        ),
        "RTDetrImageProcessor": Recipe(
            (resize_within,), {"size": {"height": 640, "width": 640}, "do_normalize": False} | IMAGENET, ANY_SIDE
        ),
        "SegformerImageProcessor": Recipe((resize,), {"size": {"height": 512, "width": 512}} | IMAGENET),
        "Siglip2ImageProcessor": Recipe((resize_into_patches,), {}, patched=True),
        "SiglipImageProcessor": Recipe((resize,), {"resample": BICUBIC}),
        "ViTImageProcessor": Recipe((resize,), {}),
        "YolosImageProcessor": replace(DETR, steps=(resize_to_patches,)),
    }
)
"""By the `image_processor_type` of a config."""

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "beit": "Beit",
        "clip": "CLIP",
        "conditional_detr": "ConditionalDetr",
        "convnext": "ConvNext",
        "deit": "DeiT",
        "depth_anything": "DPT",
        "detr": "Detr",
        "dinov2": "Bit",
        "dpt": "DPT",
        "efficientnet": "EfficientNet",
        "glpn": "GLPN",
        "layoutlmv3": "LayoutLMv3",
        "mask2former": "Mask2Former",
        "maskformer": "MaskFormer",
        "mobilenet_v2": "MobileNetV2",
        "resnet": "ConvNext",
        "rt_detr": "RTDetr",
        "rt_detr_v2": "RTDetr",
        "segformer": "Segformer",
        "siglip": "Siglip",
        "siglip2": "Siglip2",
        "swin": "ViT",
        "table-transformer": "Detr",
        "vit": "ViT",
        "yolos": "Yolos",
    }
)
"""The recipe of a model type, for files that do not name their processor."""


def recipe_of(raw: Mapping[str, Any], model_type: str = "") -> tuple[str, Recipe]:
    """The name and the recipe that a preprocessor_config.json asks for; ConfigError for a kind that is not known."""
    named = raw.get("image_processor_type") or raw.get("feature_extractor_type") or ""
    name = str(named).replace("FeatureExtractor", "ImageProcessor").removesuffix("Fast")
    if not name:
        if model_type not in DEFAULTS:
            raise ConfigError("preprocessor_config.json does not name an image_processor_type")
        name = f"{DEFAULTS[model_type]}ImageProcessor"
    if name not in RECIPES:
        raise ConfigError(
            f"image processors of the kind {name!r} are not supported{nearest(name, RECIPES)}. "
            f"Supported: {', '.join(RECIPES)}"
        )
    return name, RECIPES[name]
