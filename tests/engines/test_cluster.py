"""Which client tasks go to, and schedulers that are none or do not answer."""

import socket
import sys
import time

import pytest

from imlogit import ClusterError, MissingExtraError, ParameterError
from imlogit.engines import cluster
from imlogit.engines.cluster import client_at, engine_on

from helpers.clusters import client_of, needs_dask

pytestmark = needs_dask


@pytest.fixture
def listening():
    """The address of what takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def nobody():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"tcp://127.0.0.1:{port}"


def test_no_answer_is_waited_for_less_than_ten_seconds():
    assert cluster.CONNECTION + 1 + cluster.CLOSING <= 10
    assert 2 * cluster.PATIENCE < 10


@pytest.mark.parametrize("who", ["listening", "nobody"])
def test_a_scheduler_that_does_not_answer(who, request, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECTION", 0.3)
    address, began = request.getfixturevalue(who), time.monotonic()
    with pytest.raises(ClusterError, match=f"dask='{address}': no Dask scheduler answers"):
        client_at(address).__enter__()
    assert time.monotonic() - began < 5


def test_no_address():
    with pytest.raises(ParameterError, match="dask='localhost:8786': give the address"):
        engine_on("localhost:8786", "auto")
    with pytest.raises(ParameterError, match="dask='foo://localhost:1': unknown address scheme"):
        client_at("foo://localhost:1").__enter__()
    with pytest.raises(ParameterError, match="engine='numba' cannot both"):
        engine_on("local", "numba")


def test_a_scheduler_that_answers():
    with client_of(1) as own, client_at(own.cluster.scheduler_address) as client:
        assert client.submit(sum, (1, 2)).result() == 3
    assert client.status == "closed"


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    how = r'dask=\'local\' needs distributed: pip install "imlogit\[dask\]"'
    with pytest.raises(MissingExtraError, match=how):
        client_at("local").__enter__()
