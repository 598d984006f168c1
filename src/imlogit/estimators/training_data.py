"""Training data as every fit needs them: validated once, whatever is fitted then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight

from imlogit.arrays import Floats
from imlogit.core.contract import Engine
from imlogit.engines.dask_matrix import frame_names, gathered, is_dask
from imlogit.engines.matrix import Matrix
from imlogit.engines.memory_map import check_maps
from imlogit.engines.scaled_matrix import NormalizedMatrix, Standardization, StandardizedMatrix
from imlogit.engines.table import open_engine
from imlogit.errors import DataError, ImlogitError, KindError, ParameterError
from imlogit.estimators.pixels import fit_scale
from imlogit.estimators.rows import as_rows, validate_rows
from imlogit.estimators.scaling import scale_rows
from imlogit.estimators.targets import check_labels, indicators, is_table, soft_targets
from imlogit.system.text import parse_bytes

if TYPE_CHECKING:
    from imlogit.estimators.logistic import LogisticRegression

NORMALIZE = (None, "l2")
MULTI_CLASS = ("multinomial", "ovr")


@dataclass(frozen=True, eq=False)
class Prepared:
    """Validated training data: what is the same for every column.

    Attributes
    ----------
    rows : Matrix of uint8, float32 or float64, shape (n, d)
        As the model takes them: normalised where it normalises.
    scale : float
        What the features are multiplied by.
    classes : ndarray, shape (n_classes,)
    codes : ndarray of intp, shape (n,)
        Each row's index into ``classes``; of soft labels the most probable one's, and zeros where
        rows have any number of labels.
    weights : ndarray of float64, shape (n,)
        The row weights.
    image_shape : tuple of int, or None
    feature_names : ndarray of str, shape (d,), or None
        Of a data frame.
    standardization : Standardization, or None
        What is done to the features in the engine, and undone in the weights.
    targets : ndarray of float64, shape (n, n_classes), or None
        Soft labels.
    indicators : ndarray, shape (n, L), or None
        0 and 1: which labels each row has. ``classes`` are these two then.
    """

    rows: Matrix
    scale: float
    classes: NDArray[Any]
    codes: NDArray[np.intp]
    weights: Floats
    image_shape: tuple[int, ...] | None
    feature_names: NDArray[Any] | None = None
    standardization: Standardization | None = None
    targets: Floats | None = None
    indicators: NDArray[Any] | None = None

    @property
    def normalize(self) -> str | None:
        """The norm that rows are divided by."""
        return "l2" if isinstance(self.rows, NormalizedMatrix) else None

    @property
    def given(self) -> Matrix:
        """The rows as they were given, which an estimator predicts on."""
        return self.rows.inner if isinstance(self.rows, NormalizedMatrix) else self.rows

    @property
    def answers(self) -> NDArray[Any]:
        """What models are to say of each row: the codes, or 0 and 1 for each label."""
        return self.codes if self.indicators is None else self.indicators.astype(np.intp)

    @property
    def n_probabilities(self) -> int:
        """How many probabilities a model gives of a row."""
        return len(self.classes) if self.indicators is None else self.indicators.shape[1]

    def given_labels(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return the labels of some rows, as they were given."""
        return self.classes[self.codes[rows]] if self.indicators is None else self.indicators[rows]

    def open(self, engine: str) -> Engine:
        """Open an engine over the rows, standardised where they are to be."""
        if self.standardization is None:
            return open_engine(engine, self.rows, self.scale)
        return open_engine(engine, StandardizedMatrix(self.rows, self.standardization))

    def in_original_units(self, weights: Floats, intercept: Floats) -> tuple[Floats, Floats]:
        """Return weights (k, d) and intercepts (k,) of the engine's rows as those of `rows`."""
        if self.standardization is None:
            return weights, intercept
        return self.standardization.weights_before(weights, intercept, self.scale)

    def in_engine_units(self, weights: Floats, intercept: Floats) -> tuple[Floats, Floats]:
        """Return weights (k, d) and intercepts (k,) of `rows` as those of the engine's rows."""
        if self.standardization is None:
            return weights, intercept
        return self.standardization.weights_after(weights, intercept, self.scale)

    def class_costs(self) -> Floats:
        """Return the weight of all rows of each class."""
        if self.targets is not None:
            return self.weights @ self.targets
        return np.bincount(self.codes, self.weights, len(self.classes)).astype(np.float64)


def prepare(
    estimator: LogisticRegression, X: Any, y: ArrayLike, sample_weight: ArrayLike | None
) -> Prepared:
    """Validate the estimator's parameters and the training data; the estimator stays as it is.

    Raises
    ------
    ParameterError, DataError, KindError

    Warns
    -----
    ZeroRowsWarning
        Where rows are to be normalised that have no direction.
    """
    _check_parameters(estimator)
    check_maps(X, y, sample_weight)
    seen = copy(estimator)  # scikit-learn notes there what it sees, though the fit may yet fail
    soft = bool(getattr(estimator, "soft_labels", False))
    with raise_as(DataError):
        rows, image_shape = as_rows(X)
        y, sample_weight = gathered(y, rows, "y"), gathered(sample_weight, rows, "sample_weight")
        targets, names = soft_targets(y) if soft else (None, None)
        wide = soft or is_table(y)
        how = {"y": y if targets is None else targets} | ({"multi_output": True} if wide else {})
        matrix, labels = validate_rows(seen, rows, reset=True, **how)
        matrix, standardization = scale_rows(estimator, matrix)
        weights = _check_sample_weight(
            sample_weight, labels, dtype=np.float64, ensure_non_negative=True
        )
        if not wide:
            check_classification_targets(labels)
            names, codes = np.unique(labels, return_inverse=True)
        elif targets is None:
            labels = indicators(labels)
            check_labels(labels, weights, y)
            names, codes = np.array([0, 1], labels.dtype), np.zeros(len(labels), np.intp)
        else:
            codes = targets.argmax(axis=1)
    assert names is not None
    made = Prepared(
        *(matrix, fit_scale(matrix, estimator.pixel_scale), names, codes, weights, image_shape),
        feature_names=frame_names(X) if is_dask(X) else getattr(seen, "feature_names_in_", None),
        standardization=standardization,
        targets=targets,
        indicators=labels if wide and not soft else None,
    )
    if made.indicators is None:
        _check_classes(made)
    return made


def _check_classes(data: Prepared) -> None:
    """Refuse a single class, and one that no row has."""
    if len(data.classes) < 2:
        raise DataError(
            f"the labels hold one class only, {spell_label(data.classes[0])}: a classifier needs "
            "at least two; compare with a label that occurs, and of the same type ('2' is not 2)"
        )
    totals = data.class_costs()
    if not (totals > 0).all():
        empty = spell_label(data.classes[totals <= 0][0])
        raise DataError(f"class {empty} has no row with a positive weight")


def C_of(estimator: LogisticRegression, data: Prepared) -> float:  # noqa: N802 - the field's name
    """Return the C of an estimator, which may be given as ``alpha = 1 / (C n)``."""
    if estimator.alpha is None:
        return float(estimator.C)
    with np.errstate(over="ignore"):
        return float(1.0 / (np.float64(estimator.alpha) * data.weights.sum()))


def limit_of(estimator: LogisticRegression) -> int | None:
    """Return what fits may hold beside the features, in bytes, if the estimator says so.

    Raises
    ------
    ParameterError
        If it says nothing that can be understood.
    """
    if estimator.memory_limit is None:
        return None
    try:
        return parse_bytes(estimator.memory_limit)
    except ValueError as error:
        raise ParameterError(f"memory_limit={error}", parameter="memory_limit") from None


def spell_label(label: Any) -> str:
    """Return a label as an error message shows it: 2 and '2', not np.int64(2)."""
    return repr(label.item() if isinstance(label, np.generic) else label)


@contextmanager
def raise_as(kind: type[ImlogitError], parameter: str | None = None) -> Iterator[None]:
    """Raise what scikit-learn and NumPy say of a user's input as an error of our own.

    Parameters
    ----------
    kind : type
        Of the error; what is a TypeError alone becomes a `KindError`.
    parameter : str, optional
        What the input is called.
    """
    try:
        yield
    except ImlogitError:
        raise
    except ValueError as error:
        raise kind(str(error), parameter=parameter) from error
    except TypeError as error:
        raise KindError(str(error), parameter=parameter) from error


def _check_parameters(estimator: LogisticRegression) -> None:
    limit_of(estimator)
    for name, least in (("C", 0.0), ("tol", 0.0)):
        value = getattr(estimator, name, 1.0)  # where C is chosen, there is none to check
        if not _is_number(value) or not value > least:
            raise ParameterError(
                f"{name}={value!r} must be a number greater than {least:g}", parameter=name
            )
    _check_alpha(getattr(estimator, "alpha", None), getattr(estimator, "C", 1.0))
    steps = estimator.max_iter
    if not _is_number(steps) or not np.isfinite(steps) or steps != int(steps) or steps < 1:
        raise ParameterError(
            f"max_iter={steps!r} must be a whole number of at least 1", parameter="max_iter"
        )
    if not isinstance(estimator.fit_intercept, (bool, np.bool_)):
        raise ParameterError(
            f"fit_intercept={estimator.fit_intercept!r} must be True or False",
            parameter="fit_intercept",
        )
    if not isinstance(estimator.standardize, (bool, np.bool_)):
        raise ParameterError(
            f"standardize={estimator.standardize!r} must be True or False", parameter="standardize"
        )
    if estimator.normalize not in NORMALIZE:
        raise ParameterError(
            f"normalize={estimator.normalize!r} must be one of {NORMALIZE}", parameter="normalize"
        )
    if estimator.multi_class not in MULTI_CLASS:
        raise ParameterError(
            f"multi_class={estimator.multi_class!r} must be one of {MULTI_CLASS}",
            parameter="multi_class",
        )


def _check_alpha(alpha: Any, C: Any) -> None:
    if alpha is None:
        return
    if not _is_number(alpha) or not alpha > 0 or not np.isfinite(alpha):
        raise ParameterError(f"alpha={alpha!r} must be a number greater than 0", parameter="alpha")
    if C != 1.0:
        raise ParameterError(
            f"alpha={alpha!r} and C={C!r} say the same thing twice, as alpha = 1 / (C n): give one",
            parameter="alpha",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
