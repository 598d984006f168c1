"""Folds of groups: by class, whole, and by the seed."""

import numpy as np

from imlogit.estimators.folds import grouped_folds


def test_groups_stay_whole_and_classes_even(rng):
    groups = rng.permutation(np.repeat(np.arange(60), 3))
    codes = (groups % 3 == 0).astype(int)
    folds = grouped_folds(codes, groups, 5, 0)
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert codes[test].sum() == 12
        assert len(test) == 36
    every = np.sort(np.concatenate([test for _, test in folds]))
    np.testing.assert_array_equal(every, np.arange(180))
    again, other = (grouped_folds(codes, groups, 5, seed) for seed in (0, 1))
    np.testing.assert_array_equal(again[0][1], folds[0][1])
    assert not np.array_equal(np.sort(other[0][1]), np.sort(folds[0][1]))
