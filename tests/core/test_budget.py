"""What fits may hold: planned before they start, kept, and refused in one line."""

import numpy as np
import pytest

from imlogit import LogisticRegression
from imlogit.core.budget import BUFFERS, DEFAULT_LIMIT, default_limit, make_plan
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.engines.table import open_engine
from imlogit.errors import MemoryShortageError, ParameterError
from imlogit.system.text import parse_bytes

from helpers.regressions import several


@pytest.fixture
def engine(rng):
    return open_engine("numba", rng.normal(size=(2_000, 50)).astype(np.float32))


def test_more_room_lets_more_fits_in_and_never_more_than_there_are(engine):
    limits = (BUFFERS + 3_000_000, BUFFERS + 10_000_000, 1_000_000_000)
    plans = [make_plan(engine, 10, 10, 20, limit, in_row_space=False) for limit in limits]
    at_once = [plan.at_once for plan in plans]
    assert at_once == sorted(at_once)
    assert at_once[0] < at_once[-1] == 20
    assert all(plan.needed <= plan.limit for plan in plans)


def test_what_is_held_does_not_grow_with_the_number_of_fits(engine):
    limit = BUFFERS + 10_000_000
    few, many = (make_plan(engine, 10, 10, n, limit, in_row_space=False) for n in (50, 5000))
    assert few.needed == many.needed


def test_the_limit_grows_with_the_features():
    small = open_engine("numba", np.zeros((10, 10), np.uint8))
    assert default_limit(small) == DEFAULT_LIMIT
    small.n_rows = 10**9
    assert default_limit(small) == 5 * 10**9


def test_what_has_no_room_says_what_would(rng):
    x, y = rng.normal(size=(300, 40)), np.arange(300) % 3
    with pytest.raises(MemoryShortageError, match="300 x 40 features in 3 classes") as refused:
        LogisticRegression(memory_limit="10 kB").fit(x, y)
    assert refused.value.parameter == "memory_limit"
    enough = int(str(refused.value).split("memory_limit=")[-1].split(",")[0])
    assert LogisticRegression(memory_limit=enough).fit(x, y).certificate_.converged
    with pytest.raises(MemoryShortageError):
        LogisticRegression(memory_limit=enough - 1).fit(x, y)


@pytest.mark.parametrize("limit", [BUFFERS + 2_500_000, 300_000_000])
def test_fits_in_turn_are_the_fits_together(rng, limit):
    x, some = several(rng, 9, 3_000, 60)
    with open_engine("numba", x) as engine:
        found = solve(engine, some, Settings(memory_limit=limit))
        expected = solve(engine, some, Settings())
    assert found[0].certificate.plan != expected[0].certificate.plan or limit > 100_000_000
    for here, there in zip(found, expected, strict=True):
        assert here.certificate.converged
        gaps = here.certificate.gap, there.certificate.gap
        assert np.linalg.norm(here.weights - there.weights) <= sum(np.sqrt(2 * g) for g in gaps)


@pytest.mark.parametrize("text", ["2GB", "2 gb", 2_000_000_000, "2e9", "2000MB"])
def test_sizes_are_read_as_people_write_them(text):
    assert parse_bytes(text) == 2_000_000_000


@pytest.mark.parametrize("text", ["", "much", "-1", 0, "1.2.3GB", True, None, "inf"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="is no size"):
        parse_bytes(text)


def test_a_limit_that_is_no_size_is_a_parameter_error(rng):
    with pytest.raises(ParameterError, match="memory_limit='much' is no size"):
        LogisticRegression(memory_limit="much").fit(rng.normal(size=(9, 2)), np.arange(9) % 2)
