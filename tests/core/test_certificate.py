"""The certificate: what its gap promises at any point, and how it is formed."""

from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imlogit.core.certificate import Certificate, Pass, combine, feasible_duals
from imlogit.core.descent import Batch, Descent
from imlogit.core.regression import regression
from imlogit.engines.table import open_engine

from helpers.known_problems import blobs, objective, overlapping, softmax_objective
from helpers.regressions import fit


@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 3), C=st.sampled_from([1e-3, 1.0, 1e3]))
@settings(max_examples=60, deadline=None)
def test_the_gap_bounds_the_distance_anywhere(seed, size, C):
    """At any point, not only near the optimum: F - F* <= gap and |w - w*| <= sqrt(2 gap)."""
    rng = np.random.default_rng(seed)
    x, y = overlapping(rng, 80, 4)
    best = fit("reference", x, y, C, tol=1e-15)
    engine = open_engine("reference", x)
    one = regression(y.astype(int), 2, np.ones(80), C)
    batch = Batch(engine, engine.open(1, 2))
    batch.problem.admit(0, one)
    descent = Descent(one, 0, size * rng.normal(size=(1, 4)), size * rng.normal(size=1))
    batch.place([descent], precise=True)
    for prove in (False, True):
        if prove:
            batch.prove([descent])  # with the intercept at its minimum
        else:
            batch.measure([descent], feasible=True)  # at any intercept
        lowest = objective(x, y, best.weights, best.intercept, C)
        here = objective(x, y, descent.weights[0], descent.b[0], C)
        slack = 1 + 1e-9
        assert here - lowest <= descent.gap * slack + 1e-9 * lowest
    away = np.linalg.norm(descent.weights[0] - best.weights)
    assert away <= np.sqrt(2 * descent.gap) * slack + 1e-6


@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 3), C=st.sampled_from([1e-3, 1.0, 1e2]))
@settings(max_examples=40, deadline=None)
def test_the_gap_of_the_softmax_bounds_the_distance_anywhere(seed, size, C):
    rng = np.random.default_rng(seed)
    x, y = blobs(rng, 80, 4, 3)
    best = fit("reference", x, y, C, tol=1e-15)
    engine = open_engine("reference", x)
    one = regression(y, 3, np.ones(80), C)
    batch = Batch(engine, engine.open(1, 3))
    batch.problem.admit(0, one)
    descent = Descent(one, 0, size * rng.normal(size=(3, 4)), size * rng.normal(size=3))
    batch.place([descent], precise=True)
    for work in (partial(batch.measure, feasible=True), batch.prove):
        work([descent])
        lowest = softmax_objective(x, y, best.weights, best.intercept, C)[0]
        here = softmax_objective(x, y, descent.weights, descent.b, C)[0]
        assert here - lowest <= descent.gap * (1 + 1e-9) + 1e-9 * lowest


def test_feasible_duals_weigh_the_same_on_both_sides():
    mass = np.array([[3.0, 2.0], [0.5, 4.0], [0.0, 0.0]])
    shrunk = feasible_duals(mass, np.ones((3, 2)), True) * mass
    np.testing.assert_allclose(shrunk[:, 0], shrunk[:, 1])
    np.testing.assert_array_equal(feasible_duals(mass, np.ones((3, 2)), False), 1.0)


def test_feasible_duals_of_many_classes_add_up_to_what_the_labels_do():
    costs = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    mass = np.array([[2.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    moved = feasible_duals(mass, costs, True)
    kept = 1 - moved.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(kept * mass + moved * costs.sum(axis=1, keepdims=True), costs)
    np.testing.assert_array_equal(moved[1], 0.0)
    np.testing.assert_array_equal(feasible_duals(mass, costs, False), 0.0)


def test_combined_certificates_add_up():
    parts = [
        Certificate("converged", 10.0, 1e-6, 1e-6, 3, 9, 0.1),
        Certificate("max_iter", 20.0, 2e-3, 1e-6, 5, 11, 0.2),
    ]
    both = combine(parts)
    assert (both.status, both.objective, both.gap) == ("max_iter", 30.0, 1e-6 + 2e-3)
    assert (both.iterations, both.passes, both.columns) == (5, 11, tuple(parts))


def test_gaps_are_those_before_each_step_and_what_is_proved():
    one = Certificate(
        "converged",
        10.0,
        1e-6,
        1e-6,
        2,
        6,
        0.1,
        history=(Pass(100.0, 123.456), Pass(20.0, 1.0), Pass(10.0, 2e-6)),
    )
    other = Certificate(
        "converged", 5.0, 1e-7, 1e-6, 1, 4, 0.1, history=(Pass(50.0, 5.0), Pass(5.0, 1e-7))
    )
    assert one.gaps == [1.23, 0.05, 1e-7]
    both = combine([one, other])
    # the second has arrived, and keeps what it has, while the first takes its last step
    expected = [(150.0, 128.456), (25.0, 1.0 + 1e-7), (15.0, 2e-6 + 1e-7)]
    np.testing.assert_allclose(both.history, expected)
    assert both.gaps == [0.856, 0.04, 7.33e-8]
    assert combine([one, Certificate.from_dict(other.to_dict())]).history == ()


def test_without_a_gap_there_are_none():
    passes = (Pass(2.0, float("nan")), Pass(1.0, float("nan")))
    assert Certificate("separated", 1.0, float("nan"), 1e-6, 1, 4, 0.5, history=passes).gaps == []


def test_a_certificate_as_plain_facts():
    certificate = Certificate("separated", 1.5, float("nan"), 1e-6, 2, 6, 0.5, seconds=3.0)
    facts = certificate.to_dict()
    assert facts["gap"] is None
    assert "seconds" not in facts
    again = Certificate.from_dict(facts)
    assert (again.status, again.objective, again.passes) == ("separated", 1.5, 6)
    assert np.isnan(again.gap)
