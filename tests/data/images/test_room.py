"""Images that memory cannot hold are refused before any is made."""

import math
import sys

import pytest

from imlogit.data.images import room
from imlogit.errors import DataError


@pytest.fixture(autouse=True)
def plenty(monkeypatch):
    monkeypatch.setattr(room, "_physical_memory", lambda: math.inf)
    monkeypatch.setattr(room, "_limit_of_process", lambda: math.inf)
    monkeypatch.setattr(room, "CONTAINER_LIMIT", room.Path("no-such-file"))


@pytest.mark.parametrize("limit", ["_physical_memory", "_limit_of_process"])
def test_every_limit_counts(monkeypatch, limit):
    monkeypatch.setattr(room, limit, lambda: 10**9)
    room.check_room(10, (10_000, 10_000))
    with pytest.raises(DataError, match="11 images of 10000 x 10000 take 1 GB"):
        room.check_room(11, (10_000, 10_000))


def test_a_containers_limit_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "CONTAINER_LIMIT", tmp_path / "memory.max")
    (tmp_path / "memory.max").write_text("max\n")
    room.check_room(11, (10_000, 10_000))
    (tmp_path / "memory.max").write_text("1000000000\n")
    with pytest.raises(DataError, match="there are 1 GB"):
        room.check_room(11, (10_000, 10_000))


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_the_limit_of_a_process_is_asked_for(monkeypatch):
    import resource

    monkeypatch.undo()
    for limit, said in ((resource.RLIM_INFINITY, math.inf), (10**9, 10**9)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        assert room._limit_of_process() == said
