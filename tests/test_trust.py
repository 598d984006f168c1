"""Random problems of every kind: nothing that is said of a fit is false."""

import pytest

from benchmarks.problems import draw, judge

# All that they run is covered by the tests of the core, and tracing makes them twice as slow.
pytestmark = [pytest.mark.no_cover, pytest.mark.once]
PROBLEMS, AT_ONCE = 150, 25
# Small enough that all of them take a quarter of a minute.
ENTRIES = 3000


@pytest.mark.parametrize("first", range(0, PROBLEMS, AT_ONCE))
def test_every_claim_is_true(first):
    problems = [draw(k, ["numba", "reference"], ENTRIES) for k in range(first, first + AT_ONCE)]
    faults = {str(problem): judge(problem).faults for problem in problems}
    assert {problem: found for problem, found in faults.items() if found} == {}


def test_the_judge_sees_a_false_claim(monkeypatch):
    """The test above could not fail if the judge believed everything."""
    claims = "imlogit.core.proof.rounding.gap_with_rounding", "imlogit.core.pool.gap_with_rounding"
    for claim in claims:
        monkeypatch.setattr(claim, lambda *_: 0.0)
    seen = [judge(draw(k, ["numba", "reference"], ENTRIES)).faults for k in range(30)]
    assert any("from the optimum" in fault for faults in seen for fault in faults)
