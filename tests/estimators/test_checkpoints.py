"""Checkpoints: fits that are stopped at any step, and others that go on from what they reached."""

import itertools
from copy import copy
from functools import partial

import numpy as np
import pytest
from safetensors.numpy import load, save

from imlogit import (
    DataError,
    KindError,
    LogisticRegression,
    LogisticRegressionCV,
    OutputError,
    cross_validate,
)
from imlogit.estimators import checkpoints


class DeathError(Exception):
    """What ends a process."""


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(900, 120)) * 2
    return x, np.array(["a", "b", "c"])[(x[:, :3] + rng.normal(size=(900, 3)) * 2).argmax(axis=1)]


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr(checkpoints, "PAUSE", 0.0)
    monkeypatch.setattr(checkpoints, "PAUSE_SHARE", 0.0)


@pytest.fixture
def dies(monkeypatch):
    """What runs a fit until it has written so often, and returns how often it did."""
    write = checkpoints.write_bytes

    def run(job, after=None):
        times = itertools.count(1)

        def written(path, content):
            write(path, content)
            if next(times) == after:
                raise DeathError

        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "PAUSE", 0.0)
            patch.setattr(checkpoints, "PAUSE_SHARE", 0.0)
            patch.setattr(checkpoints, "write_bytes", written)
            if after is None:
                return job(), next(times) - 1
            with pytest.raises(DeathError):
                job()

    return run


@pytest.fixture
def stopped(data, dies, tmp_path):
    """The checkpoint of a fit that was stopped."""
    dies(partial(LogisticRegression(C=0.1).fit, *data, checkpoint=tmp_path / "kept"), 2)
    return tmp_path / "kept"


def close(found, expected):
    radius = sum(np.sqrt(2 * one.certificate_.gap) for one in (found, expected))
    assert found.certificate_.converged
    assert np.linalg.norm(found.coef_ - expected.coef_) <= radius


@pytest.mark.parametrize(
    ("how", "after"),
    [({}, 1), ({"standardize": True}, 2), ({"multi_class": "ovr"}, 3), ({"normalize": "l2"}, 1)],
)
def test_a_fit_goes_on_from_where_another_was_stopped(how, after, data, dies, tmp_path):
    place = tmp_path / "not yet" / "kept"
    model = LogisticRegression(**{"C": 0.1} | how)
    fit = partial(model.fit, *data, checkpoint=place)
    model, n_steps = dies(fit)
    expected = copy(model)
    assert not place.exists()
    dies(fit, after)
    assert place.exists()
    found, left = dies(fit)
    close(found, expected)
    assert left <= n_steps - after + 2
    assert found.certificate_.passes > 2 * after  # those before are counted
    assert not place.exists()


def test_folds_go_on_whether_they_have_ended_begun_or_wait(data, dies, tmp_path, monkeypatch):
    monkeypatch.setattr("imlogit.core.budget.MOST_SLOTS", 1)
    (x, y), model, place = data, LogisticRegression(C=0.1), tmp_path / "kept"
    fit = partial(cross_validate, model, x[:, :40], y == "b", cv=3, checkpoint=place)
    expected, n_steps = dies(fit)
    dies(fit, n_steps * 2 // 3)
    found, left = dies(fit)
    close(found.estimator, expected.estimator)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-3)
    assert left < n_steps / 2 + 3
    assert not place.exists()


@pytest.mark.filterwarnings("ignore::imlogit.GridEdgeWarning")
@pytest.mark.parametrize("after", [4, 1000])
def test_a_choice_of_c_goes_on(data, dies, tmp_path, after):
    """With one fold, all rows are fitted last, and on their own."""
    rows = np.arange(900)
    cv = [(rows[:600], rows[600:])]
    model, place = LogisticRegressionCV([1e-3, 1e-2, 1e-1], cv=cv, tol=1e-8), tmp_path / "kept"
    fit = partial(model.fit, *data, checkpoint=place)
    model, n_steps = dies(fit)
    scores = model.scores_
    dies(fit, min(after, n_steps))
    dies(fit)
    np.testing.assert_allclose(model.scores_, scores, atol=1e-4)
    assert not place.exists()


def test_another_engine_may_go_on(data, dies, stopped):
    fit = partial(LogisticRegression(C=0.1, engine="reference").fit, *data, checkpoint=stopped)
    close(dies(fit)[0], LogisticRegression(C=0.1).fit(*data))


def others(data):
    x, y = data
    almost = x.copy()
    almost[17, 3] += 0.01
    weights = np.ones(len(x))
    weights[0] = 2
    return {
        "C": ({"C": 0.2}, data),
        "tol": ({"tol": 1e-5}, data),
        "fit_intercept": ({"fit_intercept": False}, data),
        "class_weight": ({"class_weight": "balanced"}, data),
        "rows": ({}, (almost, y)),
        "labels": ({}, (x, np.roll(y, 1))),
        "classes": ({}, (x, np.char.upper(y))),
        "sample weights": ({}, (x, y, weights)),
    }


@pytest.mark.parametrize("name", others((np.zeros((20, 4)), np.array(["a"]))))
def test_a_checkpoint_of_another_fit_is_refused(name, data, stopped):
    how, other = others(data)[name]
    before = stopped.read_bytes()
    with pytest.raises(DataError, match=f"kept is the checkpoint of another .* differs in {name}:"):
        LogisticRegression(**{"C": 0.1} | how).fit(*other, checkpoint=stopped)
    assert stopped.read_bytes() == before


def with_arrays(**changed):
    return lambda content: save(load(content) | changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-9],
        lambda content: b"",
        lambda content: b"\x80\x04" + content,
        lambda content: (10**9).to_bytes(8, "little") + content[8:],
        lambda content: content + bytes(2**23),
        with_arrays(more=np.zeros(3)),
        with_arrays(weights=np.zeros((1, 3, 119))),
        with_arrays(weights=np.full((1, 3, 120), np.nan)),
        with_arrays(places=np.array([1])),
        with_arrays(steps=np.array([[-1, 0]])),
        with_arrays(asked=np.frombuffer(b"[]", np.uint8)),
        with_arrays(asked=np.frombuffer(b"\xff{", np.uint8)),
    ],
)
def test_a_damaged_checkpoint_is_refused(damage, data, stopped):
    stopped.write_bytes(damage(stopped.read_bytes()))
    with pytest.raises(DataError, match=r"kept (is no|cannot be read as).*: remove it"):
        LogisticRegression(C=0.1).fit(*data, checkpoint=stopped)


def test_places_that_are_none(data, tmp_path):
    with pytest.raises(KindError, match="checkpoint=3 is no path"):
        LogisticRegression().fit(*data, checkpoint=3)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="kept: cannot be written"):
        LogisticRegression().fit(*data, checkpoint=tmp_path / "file" / "kept")
    with pytest.raises(DataError, match="cannot be read .* a folder"):
        LogisticRegression().fit(*data, checkpoint=tmp_path)


def test_a_disk_that_is_full_costs_no_fit(data, every_step, monkeypatch, tmp_path):
    def full(path, content):
        raise OutputError("the disk is full")

    monkeypatch.setattr(checkpoints, "write_bytes", full)
    with pytest.warns(UserWarning, match="no checkpoint is kept: the disk is full"):
        model = LogisticRegression(C=0.1).fit(*data, checkpoint=tmp_path / "kept")
    assert model.certificate_.converged


def test_a_short_fit_writes_nothing(data, monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "write_bytes", None)
    LogisticRegression(C=0.1).fit(*data, checkpoint=tmp_path / "kept")
    assert not list(tmp_path.iterdir())
