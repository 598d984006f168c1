"""The parts of a probe of rows with any number of labels: what each must say of them."""

from __future__ import annotations

from imlogit.data.feature_set import FeatureSet
from imlogit.data.split import Split
from imlogit.errors import DataError
from imlogit.evaluation.label_scores import told_apart
from imlogit.system.text import first_of


def check_fitted_labels(features: FeatureSet, parts: Split) -> None:
    """Refuse labels of which the rows to fit on say nothing.

    Raises
    ------
    DataError
        Names those that none of these rows has, or each.
    """
    if not told_apart(features.labels[parts.test]).size:
        raise DataError(
            "In the test part every label is one that no row has, or every row: there is nothing "
            "to score. Give another with test=...",
            parameter="test",
        )
    labels = features.labels[parts.train]
    fitted = set(told_apart(labels).tolist())
    lacking = [name for k, name in enumerate(features.class_names) if k not in fitted]
    if lacking:
        raise DataError(
            f"No row of the training part, or every row, has the labels {first_of(lacking)}: there "
            "is nothing to fit. Leave their columns out.",
            parameter="label_column",
        )
    held_out = labels[parts.validation]
    if len(held_out) and not told_apart(held_out).size:
        raise DataError(
            "In the validation part every label is one that no row has, or every row: it cannot "
            "choose. Give another with validation=..., or folds=...",
            parameter="validation",
        )
