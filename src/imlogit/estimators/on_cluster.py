"""Fits and predictions on a Dask cluster: which client they go to, and predictions that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from imlogit.engines.cluster import cluster_of
from imlogit.engines.dask_matrix import check_chunks, is_dask
from imlogit.errors import KindError, ParameterError
from imlogit.system.extras import need

if TYPE_CHECKING:
    from imlogit.estimators.logistic import LogisticRegression

Function = TypeVar("Function", bound=Callable[..., Any])


@contextmanager
def on_cluster(estimator: LogisticRegression, X: Any) -> Iterator[None]:
    """Enter the cluster of a fit, as `cluster_for`; a client that stays is noted as ``client_``."""
    estimator.__dict__.pop("client_", None)
    with cluster_for(estimator, X) as client:
        yield
    if client is not None and client.status == "running":
        estimator.client_ = client


@contextmanager
def cluster_for(estimator: LogisticRegression, X: Any) -> Iterator[Any]:
    """Enter the cluster that an estimator's engine or its data ask for, if they do.

    The client is the estimator's, else the one that is active, else that of a cluster in this
    process, which is closed in the end.

    Raises
    ------
    ParameterError
        For data of Dask's and another engine.
    ClusterError
        For a cluster that cannot be used.
    """
    if is_dask(X) and estimator.engine not in ("auto", "dask"):
        raise ParameterError(
            f"engine={estimator.engine!r} does not read rows on a cluster: give engine='dask', or "
            "X.compute()",
            parameter="engine",
        )
    if not is_dask(X) and estimator.engine != "dask":
        yield None
        return
    with cluster_of(estimator.client) as client:
        yield client


def on_its_cluster(function: Function) -> Function:
    """Let a function of an estimator and its data enter the cluster that these ask for."""

    @wraps(function)
    def inside(estimator: Any, X: Any, *arguments: Any, **options: Any) -> Any:
        if not hasattr(estimator, "client"):  # the function says what is wrong with it
            return function(estimator, X, *arguments, **options)
        with cluster_for(estimator, X):
            return function(estimator, X, *arguments, **options)

    return inside  # type: ignore[return-value]


def lazily(method: Function) -> Function:
    """Let a prediction of rows on a cluster be one of Dask's arrays, computed where the rows are.

    A block of rows is predicted on by a copy of the model, when the prediction is asked for.
    """

    @wraps(method)
    def predict(self: LogisticRegression, X: Any) -> Any:
        if not is_dask(X):
            return method(self, X)
        check_is_fitted(self)
        return _waiting(self.to_local(), method.__name__, X)

    return predict  # type: ignore[return-value]


def _waiting(model: LogisticRegression, name: str, X: Any) -> Any:
    """Return the predictions of a model as an array of Dask's."""
    da, dask = need("dask.array", "dask", "X of Dask's"), need("dask", "dask", "X of Dask's")
    if isinstance(model.classes_, list):
        raise KindError(
            f"{name} of {len(model.classes_)} labels of which a row has any number cannot wait on "
            "a cluster: give to_local() the rows, a block at a time"
        )
    frame = hasattr(X, "npartitions") and hasattr(X, "columns")
    if not frame:
        check_chunks(X)
    blocks = list(X.to_delayed()) if frame else X.to_delayed().ravel().tolist()
    lengths = [np.nan] * len(blocks) if frame else X.chunks[0]
    empty = _of_no_rows(model, name)
    given = dask.delayed(model, pure=True)
    predicted = [
        da.from_delayed(
            dask.delayed(_predict_block)(given, name, block),
            (length, *empty.shape[1:]),
            meta=empty,
        )
        for block, length in zip(blocks, lengths, strict=True)
    ]
    return da.concatenate(predicted, axis=0, allow_unknown_chunksizes=True)


def _of_no_rows(model: LogisticRegression, name: str) -> NDArray[Any]:
    """Return what a model predicts on no rows."""
    if name == "predict":
        return np.empty(0, model.classes_.dtype)
    n_classes = len(model.classes_)
    one_margin = name == "decision_function" and n_classes == 2
    return np.empty(0 if one_margin else (0, n_classes))


def _predict_block(model: LogisticRegression, name: str, block: Any) -> NDArray[Any]:
    found: NDArray[Any] = getattr(model, name)(block) if len(block) else _of_no_rows(model, name)
    return found
