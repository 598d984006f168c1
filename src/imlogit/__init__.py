"""Image classification with logistic regression: the exact optimum, with a proof."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Loaded on first use: `import imlogit` itself imports nothing else.
_NAMES = {
    "imlogit.checks.arrays": ["check_arrays"],
    "imlogit.checks.finding": ["Findings"],
    "imlogit.core.certificate": ["Certificate"],
    "imlogit.data.feature_set": ["FeatureSet"],
    "imlogit.data.image_set": ["ImageSet"],
    "imlogit.data.images.mnist_digit": ["prepare_digit"],
    "imlogit.data.packing.augment": ["augment"],
    "imlogit.data.packing.pack": ["pack"],
    "imlogit.data.sources": ["load"],
    "imlogit.errors": [
        "BadItemsError",
        "ClusterError",
        "DataError",
        "DownloadError",
        "ExportError",
        "FitInterrupted",
        "GridEdgeWarning",
        "ImlogitError",
        "KindError",
        "MemoryShortageError",
        "MissingExtraError",
        "ModelFileError",
        "OutputError",
        "ParameterError",
        "PixelScaleWarning",
        "SourceWarning",
        "TooLargeError",
        "ZeroRowsWarning",
    ],
    "imlogit.estimators.logistic": ["LogisticRegression"],
    "imlogit.estimators.logistic_cv": ["LogisticRegressionCV"],
    "imlogit.evaluation.bootstrap": ["Bootstrap", "bootstrap"],
    "imlogit.evaluation.comparison": ["Comparison"],
    "imlogit.evaluation.label_comparison": ["LabelComparison"],
    "imlogit.evaluation.cross_validation": ["CrossValidation", "cross_validate"],
    "imlogit.export.writing": ["Export", "export_model"],
    "imlogit.model.fields": ["SavedModel"],
    "imlogit.model.persist": ["load_model", "save_model"],
    "imlogit.model.predict": ["Answer", "predict"],
    "imlogit.report.doubt_folder": ["DoubtFolder", "copy_doubts"],
    "imlogit.runs.assess": ["Assessment", "LabelAssessment", "evaluate"],
    "imlogit.runs.check": ["check"],
    "imlogit.runs.doubts": ["Doubt", "doubts"],
    "imlogit.runs.examine": ["Explanation", "compare", "explain"],
    "imlogit.runs.probes.probe": ["linear_probe"],
    "imlogit.runs.probes.probe_result": ["ProbeResult"],
    "imlogit.runs.sweep": ["SweepResult", "sweep"],
    "imlogit.runs.train": ["TrainResult", "train"],
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

_MODULES = ["features"]

__all__ = sorted([*_HOMES, *_MODULES, "__version__"])

if TYPE_CHECKING:
    from imlogit import features as features
    from imlogit.checks.arrays import check_arrays as check_arrays
    from imlogit.checks.finding import Findings as Findings
    from imlogit.core.certificate import Certificate as Certificate
    from imlogit.data.feature_set import FeatureSet as FeatureSet
    from imlogit.data.image_set import ImageSet as ImageSet
    from imlogit.data.images.mnist_digit import prepare_digit as prepare_digit
    from imlogit.data.packing.augment import augment as augment
    from imlogit.data.packing.pack import pack as pack
    from imlogit.data.sources import load as load
    from imlogit.errors import BadItemsError as BadItemsError
    from imlogit.errors import ClusterError as ClusterError
    from imlogit.errors import DataError as DataError
    from imlogit.errors import DownloadError as DownloadError
    from imlogit.errors import ExportError as ExportError
    from imlogit.errors import FitInterrupted as FitInterrupted
    from imlogit.errors import GridEdgeWarning as GridEdgeWarning
    from imlogit.errors import ImlogitError as ImlogitError
    from imlogit.errors import KindError as KindError
    from imlogit.errors import MemoryShortageError as MemoryShortageError
    from imlogit.errors import MissingExtraError as MissingExtraError
    from imlogit.errors import ModelFileError as ModelFileError
    from imlogit.errors import OutputError as OutputError
    from imlogit.errors import ParameterError as ParameterError
    from imlogit.errors import PixelScaleWarning as PixelScaleWarning
    from imlogit.errors import SourceWarning as SourceWarning
    from imlogit.errors import TooLargeError as TooLargeError
    from imlogit.errors import ZeroRowsWarning as ZeroRowsWarning
    from imlogit.estimators.logistic import LogisticRegression as LogisticRegression
    from imlogit.estimators.logistic_cv import LogisticRegressionCV as LogisticRegressionCV
    from imlogit.evaluation.bootstrap import Bootstrap as Bootstrap
    from imlogit.evaluation.bootstrap import bootstrap as bootstrap
    from imlogit.evaluation.comparison import Comparison as Comparison
    from imlogit.evaluation.cross_validation import CrossValidation as CrossValidation
    from imlogit.evaluation.cross_validation import cross_validate as cross_validate
    from imlogit.evaluation.label_comparison import LabelComparison as LabelComparison
    from imlogit.export.writing import Export as Export
    from imlogit.export.writing import export_model as export_model
    from imlogit.model.fields import SavedModel as SavedModel
    from imlogit.model.persist import load_model as load_model
    from imlogit.model.persist import save_model as save_model
    from imlogit.model.predict import Answer as Answer
    from imlogit.model.predict import predict as predict
    from imlogit.report.doubt_folder import DoubtFolder as DoubtFolder
    from imlogit.report.doubt_folder import copy_doubts as copy_doubts
    from imlogit.runs.assess import Assessment as Assessment
    from imlogit.runs.assess import LabelAssessment as LabelAssessment
    from imlogit.runs.assess import evaluate as evaluate
    from imlogit.runs.check import check as check
    from imlogit.runs.doubts import Doubt as Doubt
    from imlogit.runs.doubts import doubts as doubts
    from imlogit.runs.examine import Explanation as Explanation
    from imlogit.runs.examine import compare as compare
    from imlogit.runs.examine import explain as explain
    from imlogit.runs.probes.probe import linear_probe as linear_probe
    from imlogit.runs.probes.probe_result import ProbeResult as ProbeResult
    from imlogit.runs.sweep import SweepResult as SweepResult
    from imlogit.runs.sweep import sweep as sweep
    from imlogit.runs.train import TrainResult as TrainResult
    from imlogit.runs.train import train as train


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"imlogit.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'imlogit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
