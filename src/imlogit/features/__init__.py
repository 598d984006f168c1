"""Features: from images to numbers that a linear model can use, step by step."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["Deskew", "Hog", "Onnx", "Patches", "Pixels"]

if TYPE_CHECKING:
    from imlogit.features.transformers import Deskew as Deskew
    from imlogit.features.transformers import Hog as Hog
    from imlogit.features.transformers import Onnx as Onnx
    from imlogit.features.transformers import Patches as Patches
    from imlogit.features.transformers import Pixels as Pixels


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'imlogit.features' has no attribute {name!r}")
    return getattr(import_module("imlogit.features.transformers"), name)


def __dir__() -> list[str]:
    return __all__
