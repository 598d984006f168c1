"""Mutated models, runs and notes of strangers: an answer that is right, or one line."""

from pathlib import Path

import pytest

from benchmarks.siege import ANSWERED, REFUSED, Target, besiege
from imlogit.errors import DataError

pytestmark = pytest.mark.once
TRIALS = {"models_work": 150, "runs_work": 60, "notes_work": 60}


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return Target(tmp_path_factory.mktemp("siege"))


@pytest.fixture
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLOGIT_CACHE", str(Path(tmp_path, "cache")))


@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize("work", TRIALS)
def test_nothing_breaks(target, work):
    found = besiege(getattr(target, work), TRIALS[work], seed=1)
    assert found.faults == []
    assert min(found.outcomes[ANSWERED], found.outcomes[REFUSED]) > 0


def test_the_siege_sees_what_is_not_checked(target, monkeypatch):
    monkeypatch.setattr("imlogit.model.fields.first_broken", lambda *_: None)
    assert besiege(target.models_work, 100, seed=1).faults != []


@pytest.mark.parametrize(
    ("error", "said"), [(None, "control character"), (DataError("a\nb"), "several lines")]
)
def test_the_siege_sees_what_is_printed(error, said):
    def work(_):
        if error is not None:
            raise error
        return "\x1b[2J"

    (fault,) = besiege(work, 1).faults
    assert said in fault
