"""Image classification with logistic regression: the exact optimum, with a proof."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Loaded on first use: `import imlogit` itself imports nothing else.
_HOMES = {
    "Bootstrap": "imlogit.evaluate.bootstrap",
    "Certificate": "imlogit.core.certificate",
    "CrossValidation": "imlogit.evaluate.cross_validation",
    "Export": "imlogit.export.writing",
    "FitInterrupted": "imlogit.errors",
    "ImageSet": "imlogit.data.image_set",
    "LogisticRegression": "imlogit.estimators.logistic",
    "LogisticRegressionCV": "imlogit.estimators.logistic_cv",
    "bootstrap": "imlogit.evaluate.bootstrap",
    "check": "imlogit.runs.check",
    "check_arrays": "imlogit.checks.arrays",
    "cross_validate": "imlogit.evaluate.cross_validation",
    "export_model": "imlogit.export.writing",
    "load": "imlogit.data.sources",
    "load_model": "imlogit.model.persist",
    "prepare_digit": "imlogit.data.images.mnist_digit",
    "save_model": "imlogit.model.persist",
}

__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from imlogit.checks.arrays import check_arrays as check_arrays
    from imlogit.core.certificate import Certificate as Certificate
    from imlogit.data.image_set import ImageSet as ImageSet
    from imlogit.data.images.mnist_digit import prepare_digit as prepare_digit
    from imlogit.data.sources import load as load
    from imlogit.errors import FitInterrupted as FitInterrupted
    from imlogit.estimators.logistic import LogisticRegression as LogisticRegression
    from imlogit.estimators.logistic_cv import LogisticRegressionCV as LogisticRegressionCV
    from imlogit.evaluate.bootstrap import Bootstrap as Bootstrap
    from imlogit.evaluate.bootstrap import bootstrap as bootstrap
    from imlogit.evaluate.cross_validation import CrossValidation as CrossValidation
    from imlogit.evaluate.cross_validation import cross_validate as cross_validate
    from imlogit.export.writing import Export as Export
    from imlogit.export.writing import export_model as export_model
    from imlogit.model.persist import load_model as load_model
    from imlogit.model.persist import save_model as save_model
    from imlogit.runs.check import check as check


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'imlogit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
