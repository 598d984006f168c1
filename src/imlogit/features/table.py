"""The table of feature steps: one row each."""

from __future__ import annotations

from imlogit.features.deskew import DeskewStep
from imlogit.features.hog import HogStep
from imlogit.features.onnx_backbone import OnnxStep
from imlogit.features.patches import PatchesStep
from imlogit.features.pixels import PixelsStep
from imlogit.features.step import Step

STEPS: dict[str, type[Step]] = {
    step.name: step for step in (PixelsStep, DeskewStep, HogStep, PatchesStep, OnnxStep)
}
