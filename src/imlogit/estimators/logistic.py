"""`LogisticRegression`: scikit-learn's conventions around the core."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from imlogit.arrays import Floats
from imlogit.core.links import (
    SIGMOID,
    codes_of_margins,
    link_of,
    log_probabilities,
    probabilities,
)
from imlogit.engines.matrix import Matrix
from imlogit.engines.scaled_matrix import NormalizedMatrix
from imlogit.engines.table import local_engine, open_engine
from imlogit.errors import DataError, FitInterrupted, KindError
from imlogit.estimators.checkpoints import until_done
from imlogit.estimators.diagram import ShownWithProof
from imlogit.estimators.fits import Fit, fit_all
from imlogit.estimators.fitted import adopt, warn_unless_converged
from imlogit.estimators.on_cluster import lazily, on_cluster
from imlogit.estimators.pixels import check_image_shape, check_integers, predict_scale
from imlogit.estimators.rows import as_rows, check_finite, validate_rows
from imlogit.estimators.training_data import C_of, Prepared, prepare, raise_as

# What a fitted model consists of, whichever estimator found it.
_FITTED = (
    *("coef_", "intercept_", "classes_", "n_iter_", "certificate_", "threshold_"),
    *("n_features_in_", "feature_names_in_", "C_", "alpha_"),
    *("image_shape_", "pixel_scale_", "normalize_", "fitted_dtype_"),
)


class LogisticRegression(ClassifierMixin, ShownWithProof):  # type: ignore[misc]
    """L2-penalised logistic regression at its exact optimum, with a proof.

    Minimises ``C * sum_i s_i log(1 + exp(-y_i (x_i . w + b))) + |w|^2 / 2``, scikit-learn's
    objective, until the duality gap is at most ``tol`` times the objective. With more than two
    classes the loss is the softmax cross-entropy, and the penalty half the sum of squares of all
    weights.

    Parameters
    ----------
    C : float, default=1.0
        Inverse of the penalty's strength; ``inf`` for no penalty.
    alpha : float, optional
        The same as others write it, of the mean loss, instead of C: ``alpha = 1 / (C n)``, where
        ``n`` is the sum of the sample weights. A fit has both, `C_` and `alpha_`.
    soft_labels : bool, default=False
        Take ``y`` as probabilities of each class, one column a class, such as those of a larger
        model or the shares of annotators' votes. The loss is the cross-entropy: that of each row
        once for every class, weighted with its probability.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; "balanced" makes both sides of each column weigh the same.
    fit_intercept : bool, default=True
        The intercept is not penalised.
    tol : float, default=1e-6
        The relative duality gap at which a fit is done.
    max_iter : int, default=200
        The most steps over all rows.
    random_state : int, RandomState or None, default=None
        Seeds the draw of rows for the preconditioner: it changes the path, and the result only
        within the certificate. None is a fixed seed, so that equal input gives equal bits.
    multi_class : {"multinomial", "ovr"}, default="multinomial"
        More than two classes are fitted together, by the softmax, or one against the rest.
    engine : {"auto", "dask", "numba", "reference", "tensorflow"}, default="auto"
        What adds up over the images; "auto" is Dask for arrays and frames of Dask's, TensorFlow
        where there is a GPU, else Numba.
    pixel_scale : "auto" or float, default="auto"
        What features are multiplied by. "auto" takes uint8 as pixels, times 1/255, and
        everything else as it is.
    standardize : bool, default=False
        Take the mean from every feature and divide it by its standard deviation, inside the
        engine, while rows are read. The penalty, and so the optimum that is proved, is of the
        weights of these features; `coef_` and `intercept_` are of the features as they were, so
        that predictions need no statistics. These are of all rows of X, weights or none; with
        ``fit_intercept=False`` no mean is taken off. A constant feature has the coefficient 0.
    normalize : "l2" or None, default=None
        Divide every row by its Euclidean norm, inside the engine, in fits and predictions, and
        before any standardisation; ``pixel_scale="auto"`` is 1 then. Rows of zeros stay zero.
    memory_limit : int or str, optional
        What the fit may hold beside the features: bytes, or a text such as ``"2GB"``; by default
        the largest of 512 MB, half of what the features take, and what one fit needs. Regressions
        are fitted a few at a time, and share factors, to stay within it; `Certificate.plan` says
        how, by an estimate.
    client : distributed.Client, optional
        Of the cluster that ``engine="dask"`` computes on; by default the client that is active,
        else that of a cluster of threads in this process, made for the fit.

    Attributes
    ----------
    coef_ : ndarray of float64, shape (1, n_features) or (n_classes, n_features)
        In units of the scaled features, with ``standardize`` too: what `certificate_` proves is of
        the weights of standardised features, `coef_` times their standard deviations.
    intercept_ : ndarray of float64, shape (1,) or (n_classes,)
    classes_ : ndarray, shape (n_classes,)
        Of labels of which a row has any number, a list of L arrays.
    n_iter_ : ndarray of int32, shape (1,), or (n_classes,) for one against the rest
        Steps over all rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (n_features_in_,)
        Only where ``X`` has feature names that are all strings.
    certificate_ : Certificate
        What is proved about the fit.
    certificates_ : tuple of Certificate
        Of each label or class that was fitted on its own; else that of the fit alone.
    C_, alpha_ : float
        The penalty, as both are written.
    threshold_ : float or None
        For two classes, the probability from which on `predict` gives the second; None after a
        fit, which is as good as 0.5. Set it to a choice of your own.
    image_shape_ : tuple of int, or None
        The shape of one image, if the fit was given images rather than rows.
    client_ : distributed.Client
        Of the cluster that the fit was computed on, if it is there still; never pickled.

    Examples
    --------
    >>> import imlogit
    >>> images = imlogit.load("mnist-5k")
    >>> model = imlogit.LogisticRegression().fit(images.images, images.labels == 2)
    >>> model.certificate_.converged
    True
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        alpha: float | None = None,
        soft_labels: bool = False,
        class_weight: dict[Any, float] | str | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 200,
        random_state: Any = None,
        multi_class: str = "multinomial",
        engine: str = "auto",
        pixel_scale: float | str = "auto",
        standardize: bool = False,
        normalize: str | None = None,
        memory_limit: int | str | None = None,
        client: Any = None,
    ) -> None:
        self.C = C
        self.alpha = alpha
        self.soft_labels = soft_labels
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.multi_class = multi_class
        self.engine = engine
        self.pixel_scale = pixel_scale
        self.standardize = standardize
        self.normalize = normalize
        self.memory_limit = memory_limit
        self.client = client

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        start: Any = None,
        checkpoint: Any = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, shape (n, n_features), (n, h, w) or (n, h, w, c)
            uint8, float16, bfloat16, float32 and float64 are read where they are, in memory or
            in a memory map, in any layout; other types become float64. An array or a frame of
            Dask's is read on its cluster, and is not cut along the features.
        y : array-like, shape (n,), or (n, L) of 0 and 1, or (n, n_classes)
            Classes; or which of L labels each row has, any number of them, each fitted on its own
            and all together; or, with ``soft_labels``, probabilities.
        sample_weight : array-like, shape (n,), optional
            Not negative; 2 is the same as the row twice.
        start : LogisticRegression, SavedModel or path-like, optional
            A fitted model to start from, or its file, of as many features. Classes are matched by
            name, labels by place; what it does not know begins at zero. The result is the same
            within the certificate.
        checkpoint : path-like, optional
            Where the weights are kept, every ten seconds, until the fit ends. A file that is there
            is gone on from, whatever the engine: the result is the same within the certificate.

        Returns
        -------
        LogisticRegression
            Itself.

        Raises
        ------
        DataError
            For nan or infinity, with the rows that hold them, a single class, a class without
            positive weight, a label that all rows have or none has, soft labels that are no
            probabilities, lengths that differ, a start of other features, a checkpoint of another
            fit, or a memory map whose file was cut short. It is a ValueError, as the next one is.
        ParameterError
            For parameters out of range, and for features whose squares overflow.
        KindError
            For sparse input, and a start that is no model; a TypeError.
        ClusterError
            For a cluster that is closed, does not answer, or has other versions of imlogit.
        OutputError
            For a checkpoint where nothing can be written.
        FitInterrupted
            On Ctrl-C. Its ``partial`` is this model at the point it had reached, certified with
            the status "interrupted"; None where a proof would have taken longer than half a second.

        Warns
        -----
        ConvergenceWarning
            If the gap did not reach ``tol``; `certificate_` says why.
        ZeroRowsWarning
            If rows are to be normalised that are all zeros.
        """
        with on_cluster(self, X), until_done(checkpoint) as place:
            self._fit(prepare(self, X, y, sample_weight), start, place)
        warn_unless_converged(self.certificate_)
        return self

    def _fit(self, data: Prepared, start: Any, checkpoint: Path | None) -> None:
        fits = [Fit(C_of(self, data))]
        try:
            (fitted,) = fit_all(self, data, fits, start=start, checkpoint=checkpoint)
        except FitInterrupted as stop:
            (fitted,) = stop.unfinished
            if fitted is None:
                raise FitInterrupted from None
            adopt(self, data, fitted)
            raise FitInterrupted(self) from None
        adopt(self, data, fitted)

    def to_local(self) -> LogisticRegression:
        """Return the fitted model alone, of this process: without a client, as light as it can be.

        Predictions on arrays need no cluster as it is.
        """
        check_is_fitted(self)
        model = LogisticRegression()
        kept = {*model.get_params(), *_FITTED}
        model.__dict__.update((name, value) for name, value in vars(self).items() if name in kept)
        model.C, model.alpha = getattr(self, "C_", model.C), None
        model.certificates_ = self.certificate_.columns or (self.certificate_,)
        model.engine, model.client = local_engine(self.engine), None
        return model

    def __getstate__(self) -> Any:
        """Leave the client out: it is a connection of this process."""
        state = super().__getstate__()
        state.pop("client_", None)
        return state | {"client": None}

    def __sklearn_clone__(self) -> Any:
        """Return an unfitted twin with the same client, which cannot be copied."""
        plain = copy(self)
        plain.client = None
        twin = super(LogisticRegression, plain).__sklearn_clone__()
        twin.client = self.client
        return twin

    @lazily
    def decision_function(self, X: Any) -> Floats:
        """Return the margins ``x . w + b``, shape (n,), or (n, n_classes) for more than two.

        Of labels of which a row has any number, shape (n, L).

        Raises
        ------
        DataError
            For another number of features or shape of image than the model was fitted on, nan
            or infinity, or features whose scale cannot be that of the fit.
        """
        margins = self._margins(X)
        return margins[:, 0] if margins.shape[1] == 1 else margins

    def _margins(self, X: Any) -> Floats:
        """Return the margins, shape (n, 1), or (n, n_classes) for more than two classes."""
        check_is_fitted(self)
        rows, scale = rows_to_predict(self, X)
        with open_engine(local_engine(self.engine), rows, scale) as engine:
            margins: Floats = engine.multiply(self.coef_).T + self.intercept_
        return margins

    @lazily
    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each image, shape (n,).

        With a `threshold_`, the second of two classes from that probability on. Of labels of which
        a row has any number, 0 or 1 for each, shape (n, L).
        """
        margins = self._margins(X)
        if isinstance(self.classes_, list):
            each = [codes_of_margins(one, self.threshold_) for one in _columns(margins)]
            return np.stack(
                [known[codes] for known, codes in zip(self.classes_, each, strict=True)], axis=1
            )
        labels: NDArray[Any] = self.classes_[codes_of_margins(margins, self.threshold_)]
        return labels

    @lazily
    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, shape (n, n_classes), in the order of classes_.

        Of labels of which a row has any number, a list of L arrays of shape (n, 2), as
        scikit-learn's `MultiOutputClassifier`.
        """
        margins = self._margins(X)
        if isinstance(self.classes_, list):
            return [probabilities(one, SIGMOID) for one in _columns(margins)]
        return probabilities(margins, link_of(margins.shape[1], self.multi_class))

    @lazily
    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of what `predict_proba` returns."""
        margins = self._margins(X)
        if isinstance(self.classes_, list):
            return [log_probabilities(one, SIGMOID) for one in _columns(margins)]
        return log_probabilities(margins, link_of(margins.shape[1], self.multi_class))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.classifier_tags.multi_label = True
        return tags


def _columns(margins: Floats) -> list[Floats]:
    return [margins[:, k : k + 1] for k in range(margins.shape[1])]


def check_kind(estimator: Any, task: str, instead: str) -> None:
    """Refuse what is not a LogisticRegression with a C of its own.

    Raises
    ------
    KindError
    """
    if not isinstance(estimator, LogisticRegression) or not hasattr(estimator, "C"):
        raise KindError(
            f"{task} takes an imlogit.LogisticRegression, not {type(estimator).__name__}: for "
            f"other estimators there is scikit-learn's {instead}"
        )


def rows_to_predict(estimator: LogisticRegression, X: Any) -> tuple[Matrix, float]:
    """Return images as validated rows (n, d), and what the engine multiplies them by.

    Raises
    ------
    DataError
        As `LogisticRegression.decision_function`.
    """
    with raise_as(DataError):
        rows, image_shape = as_rows(X)
        check_image_shape(image_shape, estimator.image_shape_)
        check_integers(rows, estimator.pixel_scale, estimator.fitted_dtype_)
        matrix, _ = validate_rows(estimator, rows, reset=False)
        if estimator.normalize_ is not None:
            matrix = NormalizedMatrix(matrix)
        check_finite(matrix)
    if estimator.normalize_ is not None:  # whatever the features' units
        return matrix, estimator.pixel_scale_
    fitted = estimator.pixel_scale_, estimator.fitted_dtype_
    return matrix, predict_scale(matrix, estimator.pixel_scale, *fitted)
