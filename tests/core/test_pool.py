"""Several regressions in one pool: as one by one, in order, and whole when interrupted."""

from dataclasses import replace

import numpy as np
import pytest

from imlogit.core import budget
from imlogit.core.descent import Batch
from imlogit.core.directions.schedule import Schedule
from imlogit.core.pool import Pool
from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.core.starts.start import Blend, Start
from imlogit.engines.table import open_engine
from imlogit.errors import FitInterrupted

from helpers.known_problems import blobs, gradient, objective, softmax_objective
from helpers.regressions import several


def test_a_regression_that_lacks_a_class_is_undefined_and_named(name, rng):
    x, (fine,) = several(rng, 1)
    lacking = regression(np.zeros(len(x), dtype=int), 2, np.ones(len(x)), 1.0)
    with open_engine(name, x) as engine:
        found, undefined, heir = solve(
            engine, [fine, lacking, fine], Settings(), starts=[None, None, 1]
        )
    assert found.certificate.converged
    assert undefined.certificate.status == "undefined"
    assert np.isnan(undefined.weights).all()
    assert heir.certificate.converged  # although there is nothing to start from


def test_a_start_shortens_the_way(name, few):
    images, y = few
    one = regression(y.astype(int), 2, np.ones(len(y)), 1.0)
    with open_engine(name, images.reshape(len(images), -1), 1 / 255) as engine:
        cold, warm = solve(engine, [one, one], Settings(), starts=[None, 0])
    assert warm.certificate.converged
    assert warm.certificate.iterations <= 1 < cold.certificate.iterations


def test_a_start_between_two_solutions_is_nearer_than_either(name, few):
    images, y = few
    Cs = [0.5, 1.0, 2.0]
    low, middle, high = (regression(y.astype(int), 2, np.ones(len(y)), C) for C in Cs)
    blend = Blend((0, 1), (0.5, 0.5))
    with open_engine(name, images.reshape(len(images), -1), 1 / 255) as engine:
        some = [low, high, middle, middle]
        *_, from_one, from_both = solve(engine, some, Settings(), starts=[None, 0, 0, blend])
    assert from_both.certificate.converged
    first_gaps = [one.certificate.history[0].gap for one in (from_one, from_both)]
    assert first_gaps[1] < 0.5 * first_gaps[0]


def test_a_start_that_holds_what_is_undefined_begins_anew(name, rng):
    x, (fine,) = several(rng, 1)
    lacking = regression(np.zeros(len(x), dtype=int), 2, np.ones(len(x)), 1.0)
    with open_engine(name, x) as engine:
        starts = [None, None, Blend((0, 1), (0.5, 0.5))]
        *_, heir = solve(engine, [fine, lacking, fine], Settings(), starts=starts)
    assert heir.certificate.converged


@pytest.mark.parametrize(("room", "most"), [(64, 3), (3, 6)])
def test_proofs_wait_for_each_other_where_nobody_waits_for_them(rng, monkeypatch, room, most):
    x, some = several(rng, 9, 3000, 600)
    Cs = np.geomspace(0.01, 10, 9)
    some = [replace(one, costs=one.costs * C) for one, C in zip(some, Cs, strict=True)]
    proofs = []
    prove = Batch.prove

    def noted(self, descents):
        proofs.append(len(descents))
        return prove(self, descents)

    monkeypatch.setattr(Batch, "prove", noted)
    monkeypatch.setattr(budget, "MOST_SLOTS", room)
    with open_engine("numba", x) as engine:
        found = solve(engine, some, Settings(), starts=[None, *[0] * 8])
    assert all(one.certificate.converged for one in found)
    assert len([n for n in proofs if n]) <= most


def test_what_is_handed_on_is_used_by_a_later_call(name, few, monkeypatch):
    images, y = few
    first, second = (regression(y.astype(int), 2, np.ones(len(y)), C) for C in (1.0, 1.1))
    drawn = []
    draw = Schedule.draw
    monkeypatch.setattr(
        Schedule, "draw", lambda *given, **how: drawn.append(1) or draw(*given, **how)
    )
    with open_engine(name, images.reshape(len(images), -1), 1 / 255) as engine:
        (before,) = solve(engine, [first], Settings(hand_on=True))
        start = Start(before.weights, before.intercept, preconditioner=before.preconditioner)
        (alone,) = solve(engine, [second], Settings(), points=[start._replace(preconditioner=None)])
        n_alone = len(drawn)
        (after,) = solve(engine, [second], Settings(), points=[start])
    assert len(drawn) == n_alone  # none but that of the two before
    assert after.certificate.converged
    assert after.preconditioner is None
    apart = np.linalg.norm(after.weights - alone.weights)
    assert apart <= sum(np.sqrt(2 * one.certificate.gap) for one in (after, alone))


@pytest.mark.parametrize("room", [1, 2, 64])
def test_together_as_one_by_one(name, rng, monkeypatch, room):
    x, some = several(rng, 7, 300, 600)
    rows = np.array([5, 0, 299])
    with open_engine(name, x) as engine:
        monkeypatch.setattr(budget, "MOST_SLOTS", room)
        together = solve(engine, some, Settings(), rows=[rows] * 7, starts=[None, 0, 0, 1, 1, 1, 2])
        alone = [solve(engine, [one], Settings())[0] for one in some]
    for here, there in zip(together, alone, strict=True):
        apart = np.linalg.norm(here.weights - there.weights)
        assert here.certificate.converged
        assert apart <= sum(np.sqrt(2 * one.certificate.gap) for one in (here, there))
        expected = x[rows] @ here.weights.T + here.intercept
        np.testing.assert_allclose(here.margins, expected, atol=1e-9)


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_blocks_have_the_same_bits_for_any_number_of_threads(
    monkeypatch, embedded, n_threads, n_classes
):
    rows = np.tile(embedded.images.reshape(5000, -1), (4, 1))
    labels = np.tile(embedded.labels, 4).astype(int)
    codes = [labels] if n_classes == 10 else [(labels == k).astype(int) for k in range(5)]
    some = [regression(c, n_classes, np.ones(len(c)), 1e-2) for c in codes]
    found = []
    for count in (1, n_threads):
        monkeypatch.setenv("IMLOGIT_NUM_THREADS", str(count))
        with open_engine("numba", rows, 1 / 255) as engine:
            found.append(solve(engine, some, Settings(tol=1e-4)))
    for here, there in zip(*found, strict=True):
        np.testing.assert_array_equal(here.weights, there.weights)
        np.testing.assert_array_equal(here.intercept, there.intercept)


def test_progress_is_reported(name, rng):
    x, some = several(rng, 5)
    seen = []
    with open_engine(name, x) as engine:
        solve(engine, some, Settings(), starts=[None, 0, 0, 1, 1], observe=seen.append)
    assert [news.done for news in seen] == sorted(news.done for news in seen)
    assert [news.passes for news in seen] == sorted(news.passes for news in seen)
    assert {news.total for news in seen} == {5}
    assert seen[-1].done == 5


def test_an_interrupt_leaves_what_is_certified(name, rng):
    x, some = several(rng, 3, 900, 600)

    def interrupt(news):
        if news.done == 1:
            raise KeyboardInterrupt

    with open_engine(name, x) as engine, pytest.raises(FitInterrupted) as stopped:
        solve(engine, some, Settings(tol=1e-9), starts=[None, 0, 0], observe=interrupt)
    first, *others = stopped.value.partial
    assert first.certificate.converged
    for one, found in zip(some[1:], others, strict=True):
        if found is not None:
            assert found.certificate.status == "interrupted"
            C_s = one.costs
            value = objective(x, one.codes, found.weights[0], found.intercept[0], 1.0, C_s)
            assert found.certificate.objective == pytest.approx(value)


def test_an_interrupt_of_a_single_fit_hands_over_where_it_was(name, rng):
    x, (one,) = several(rng, 1, 900, 600)

    def interrupt(news):
        if news.passes > 4:
            raise KeyboardInterrupt

    with open_engine(name, x) as engine:
        (best,) = solve(engine, [one], Settings(tol=1e-10))
        with pytest.raises(FitInterrupted) as stopped:
            solve(engine, [one], Settings(tol=1e-10), observe=interrupt)
    (found,) = stopped.value.partial
    assert found.certificate.status == "interrupted"
    assert found.certificate.objective - best.certificate.objective <= found.certificate.gap
    apart = np.linalg.norm(found.weights - best.weights)
    assert 0 < apart <= np.sqrt(2 * found.certificate.gap) + 1e-4


def test_an_interrupt_while_several_finish_keeps_those_that_have(name, rng, monkeypatch):
    x, (one,) = several(rng, 1)
    hand_on, calls = Pool._hand_on, []

    def interrupt(pool, way):
        calls.append(way)
        if len(calls) == 2:
            raise KeyboardInterrupt
        hand_on(pool, way)

    monkeypatch.setattr(Pool, "_hand_on", interrupt)
    with open_engine(name, x) as engine, pytest.raises(FitInterrupted) as stopped:
        solve(engine, [one, one], Settings())
    first, second = (found.certificate for found in stopped.value.partial)
    assert first.status == "converged"
    # it was interrupted after its proof: what is proved is said
    assert second.status == "converged"
    assert second.relative_gap <= 1e-6


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("shape", [(200, 5), (60, 200)])
def test_an_independent_look_confirms_every_claim_of_a_batch(name, rng, n_classes, shape):
    """Values of C and row weights of all sizes in one block, more of them than there is room."""
    x, _ = blobs(rng, *shape)
    codes = [blobs(rng, *shape, n_classes)[1] for _ in range(3)]
    weights = [rng.integers(0, 3, len(x)) + (np.arange(len(x)) < n_classes) for _ in codes]
    settings = [(k, C) for C in (1e-8, 1e-3, 1.0, 1e3, 1e10) for k in range(3)]
    some = [regression(codes[k], n_classes, weights[k] * 1.0, C) for k, C in settings]
    with open_engine(name, x) as engine:
        found = solve(engine, some, Settings(max_iter=500))
    for (k, C), one in zip(settings, found, strict=True):
        w, b = one.weights, one.intercept
        if n_classes == 2:
            value = objective(x, codes[k], w[0], b[0], C, weights[k])
            in_weights, in_b = gradient(x, codes[k], w[0], b[0], C, weights[k])
        else:
            times = np.repeat(np.arange(len(x)), weights[k])
            value, in_weights, in_b = softmax_objective(x[times], codes[k][times], w, b, C)
        certificate = one.certificate
        assert certificate.converged
        assert certificate.objective == pytest.approx(value, rel=1e-9)
        assert 0.5 * np.vdot(in_weights, in_weights) <= 1.01e-6 * value + certificate.gap * 0.01
        assert np.abs(in_b).max() <= 1e-7 * C * weights[k].sum()
