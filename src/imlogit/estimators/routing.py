"""Metadata routing, as in scikit-learn: what goes to the splitter and to the scorer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from imlogit.errors import ParameterError


class Routed(NamedTuple):
    """Keyword arguments, by whom they go to."""

    split: Mapping[str, Any] = {}
    score: Mapping[str, Any] = {}


def is_enabled() -> bool:
    """Return whether scikit-learn's metadata routing is."""
    return bool(get_config()["enable_metadata_routing"])


def choice_router(estimator: Any, cv: Any, scorer: Any) -> MetadataRouter:
    """Return where an estimator sends metadata that chooses by folds and a scorer."""
    return (
        MetadataRouter(owner=type(estimator).__name__)
        .add_self_request(estimator)
        .add(splitter=cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        .add(
            scorer=scorer,
            method_mapping=MethodMapping()
            .add(caller="score", callee="score")
            .add(caller="fit", callee="score"),
        )
    )


def route_choice(
    estimator: Any, method: str, sample_weight: Any, groups: Any, others: Mapping[str, Any]
) -> Routed:
    """Return what of the metadata of ``fit`` or ``score`` goes where.

    Without metadata routing weights go to the scorer and groups to the splitter. With it they go
    to those that ask for them.

    Raises
    ------
    ParameterError
        For other metadata without metadata routing.
    sklearn.exceptions.UnsetMetadataPassedError
        With it, for what a scorer or splitter could take and neither asks for nor refuses.
    TypeError
        With it, for what none takes.
    """
    known = _given(sample_weight=sample_weight, groups=groups)
    if is_enabled():
        found = process_routing(estimator, method, **known, **_given(**others))
        return Routed(found.splitter.get("split", {}), found.scorer.score)
    if others:
        name = next(iter(others))
        raise ParameterError(
            f"{name}=...: passing other metadata to {type(estimator).__name__}.{method} is only "
            "supported if enable_metadata_routing=True, see `sklearn.set_config`",
            parameter=name,
        )
    weights = _given(sample_weight=sample_weight)
    return Routed({} if groups is None else {"groups": groups}, weights)


def route_folds(estimator: Any, cv: Any, sample_weight: Any, groups: Any) -> tuple[Any, Routed]:
    """Return the weights that an estimator is fitted with in cross-validation, and what goes on."""
    if not is_enabled():
        return sample_weight, Routed({} if groups is None else {"groups": groups})
    router = (
        MetadataRouter(owner="cross_validate")
        .add(estimator=estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit"))
        .add(splitter=cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
    )
    known = _given(sample_weight=sample_weight, groups=groups)
    found = process_routing(router, "fit", **known)
    return found.estimator.fit.get("sample_weight"), Routed(found.splitter.split)


def rows_of(metadata: Mapping[str, Any], rows: NDArray[np.intp], n: int) -> dict[str, Any]:
    """Return metadata for some of n rows: what has a value for each row is taken there."""
    return {
        name: np.asarray(value)[rows] if _is_by_row(value, n) else value
        for name, value in metadata.items()
    }


def _is_by_row(value: Any, n: int) -> bool:
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__len__"):
        return False
    return len(value) == n


def _given(**metadata: Any) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if value is not None}
