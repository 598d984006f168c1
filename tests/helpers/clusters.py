"""Clusters for tests: threads of this process, or processes that can be killed."""

import os
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

needs_dask = pytest.mark.skipif(
    os.environ.get("IMLOGIT_REQUIRE_ALL") != "1" and not find_spec("distributed"),
    reason="needs dask, not installed",
)


@contextmanager
def client_of(n_workers=1, **options):
    """Yield the client of a cluster in this process, which is no one's default."""
    from distributed import Client, LocalCluster

    options = {
        "processes": False,
        "threads_per_worker": 1,
        "dashboard_address": "127.0.0.1:0",
    } | options
    if options["processes"]:
        options["host"] = "127.0.0.1"
    with (
        LocalCluster(n_workers=n_workers, **options) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
