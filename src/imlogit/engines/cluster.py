"""A Dask cluster: the client that is used, and tasks that are run on it, or refused in one line."""

from __future__ import annotations

import logging
import pkgutil
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

import imlogit
from imlogit.errors import ClusterError, KindError, ParameterError
from imlogit.system.extras import need
from imlogit.system.processors import processor_count

# Seconds within which a scheduler answers, a connection to it is made, and closed; and within which
# a worker joins at first. A cluster that had workers is waited for longer, since a nanny starts
# them anew.
PATIENCE, CONNECTION, CLOSING = 4.0, 6.0, 3.0
FIRST_WORKER, NEXT_WORKER = 5.0, 60.0
# How often a task is tried that failed by the fault of a worker.
RETRIES = 3
VERSION = "imlogit:__version__"
LOCAL = "127.0.0.1:0"
# The address that stands for a cluster of this machine.
HERE = "local"


class Cluster:
    """What a client reaches.

    Parameters
    ----------
    client : distributed.Client

    Raises
    ------
    ClusterError
        Where it is closed, the scheduler does not answer, no worker joins, or a worker has
        another version of imlogit.
    """

    def __init__(self, client: Any) -> None:
        self.distributed = need("distributed", "dask", 'engine="dask"')
        if not isinstance(client, self.distributed.Client):
            raise KindError(
                f"client={client!r} is no distributed.Client: give client=Client('tcp://...')",
                parameter="client",
            )
        if client.asynchronous:
            raise KindError(
                "the client is asynchronous, which a fit cannot wait for: give "
                "client=Client(..., asynchronous=False)",
                parameter="client",
            )
        self.client = client
        self.ping()
        self._check_workers()

    def ping(self) -> int:
        """Return how many workers there are, by a scheduler that answers.

        Raises
        ------
        ClusterError
        """
        if self.client.status == "connecting":  # anew, since it has lost the scheduler
            raise self._silent()
        if self.client.status != "running":
            raise ClusterError(
                f"the Dask client is {self.client.status}: connect a new one, and give client=it",
                parameter="client",
            )
        try:
            known = self.client.sync(self.client.scheduler.identity, callback_timeout=PATIENCE)
        except (OSError, TimeoutError, CancelledError) as error:
            raise self._silent() from error
        return len(known["workers"])

    def _silent(self) -> ClusterError:
        address = getattr(self.client.scheduler, "address", "")
        return ClusterError(
            f"the Dask scheduler {address} does not answer: look whether it still runs, connect a "
            "new client, and fit again",
            parameter="client",
        )

    def _check_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError:
            raise ClusterError(
                "the Dask cluster has no workers: start some with 'dask worker', or "
                "client.cluster.scale(2)",
                parameter="client",
            ) from None
        # by a name of the standard library: a worker may lack our own
        found = self.client.run(pkgutil.resolve_name, VERSION, on_error="return")
        for worker, version in found.items():
            if isinstance(version, (ImportError, AttributeError)):
                raise ClusterError(
                    f"the Dask worker {worker} has no imlogit: install version "
                    f'{imlogit.__version__} there, pip install "imlogit[dask]"'
                )
            if isinstance(version, str):  # else it has gone meanwhile
                check_version(version, imlogit.__version__, worker)

    def all_workers(self, function: Callable[..., Any], *arguments: Any) -> bool:
        """Whether a function is true on every worker; of those that are lost meanwhile, false."""
        found = self.client.run(function, *arguments, on_error="return")
        return bool(found) and all(one is True for one in found.values())

    def call(self, function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
        """Return what a function gives for each of the arguments, in their order.

        The arguments travel with the tasks, through the scheduler, which keeps them until the
        task is done: whatever worker is lost, another can take its place.
        """
        return self.gather(self.start(function, *arguments))

    def start(self, function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
        """Return the futures of what `call` returns."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            futures: list[Any] = self.client.map(
                function, *arguments, pure=False, retries=RETRIES, batch_size=None
            )
            return futures

    def gather(self, futures: Sequence[Any]) -> list[Any]:
        """Return results, as long as the scheduler answers and there are workers.

        Raises
        ------
        ClusterError
        """
        self._wait(futures)
        try:
            return list(self.client.gather(list(futures)))
        except self.distributed.scheduler.KilledWorker as error:
            raise ClusterError(
                f"a block was lost with several workers one after another ({error.last_worker}): "
                "they may have too little memory for it. Take smaller chunks or larger workers"
            ) from error
        except (CancelledError, OSError) as error:
            if isinstance(error, ClusterError):
                raise
            raise self._silent() from error

    def _wait(self, futures: Sequence[Any]) -> None:
        deserted = 0.0
        while True:
            try:
                self.distributed.wait(list(futures), timeout=PATIENCE)
            except TimeoutError:
                deserted = 0.0 if self.ping() else deserted + PATIENCE
            except CancelledError as error:
                raise self._silent() from error
            else:
                return
            if deserted > NEXT_WORKER:
                raise ClusterError(
                    f"the Dask cluster has had no workers for {deserted:.0f} seconds: start some, "
                    "and fit again",
                    parameter="client",
                )


def check_version(theirs: str, ours: str, worker: str = "") -> None:
    """Refuse a worker with another version of imlogit: its sums may have other bits.

    Raises
    ------
    ClusterError
    """
    if theirs != ours:
        where = f" {worker}" if worker else ""
        raise ClusterError(
            f"the Dask worker{where} has imlogit {theirs}, and the client has {ours}: install the "
            "same version on both"
        )


def current_client() -> Any:
    """Return the client that tasks go to: the innermost of `cluster_of`, or the user's own.

    Raises
    ------
    ClusterError
        Where there is none.
    """
    distributed = need("distributed", "dask", 'engine="dask"')
    try:
        return distributed.Client.current()
    except ValueError:
        raise ClusterError(
            "there is no Dask client: connect one, or give client=Client(...)", parameter="client"
        ) from None


def engine_on(address: str, engine: str) -> str:
    """Return the engine of a cluster at an address, if these go together.

    Raises
    ------
    ParameterError
    """
    if address != HERE and "://" not in address:
        raise ParameterError(
            f"dask={address!r}: give the address of a scheduler, as tcp://HOST:8786, or local.",
            parameter="dask",
        )
    if engine not in ("auto", "dask"):
        raise ParameterError(
            f"dask={address!r} and engine={engine!r} cannot both be asked for.", parameter="dask"
        )
    return "dask"


@contextmanager
def client_at(address: str | None) -> Iterator[Any]:
    """Connect to a scheduler, as long as the block lasts.

    Parameters
    ----------
    address : str or None
        None, and `HERE`, stand for no client: `cluster_of` makes a cluster then.

    Yields
    ------
    distributed.Client or None

    Raises
    ------
    ClusterError
        Where none answers within some seconds.
    ParameterError
        For what is no address.
    MissingExtraError
    """
    if address is None:
        yield None
        return
    distributed = need("distributed", "dask", f"dask={address!r}")
    if address == HERE:
        yield None
        return
    # what it says when a scheduler dies is said in one line
    with distributed.utils.silence_logging_cmgr(logging.CRITICAL):
        client = _connect(distributed, address)
        try:
            yield client
        finally:
            with suppress(TimeoutError):
                client.close(timeout=CLOSING)


def _connect(distributed: Any, address: str) -> Any:
    """Return a client; one that waits for a scheduler which only listens waits without end."""
    found: list[Any] = []

    def work() -> None:
        try:
            how = {"timeout": CONNECTION, "set_as_default": False}
            found.append(distributed.Client(address, **how))
        except (OSError, ValueError) as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(CONNECTION + 1)
    client = found[0] if found else TimeoutError()
    if isinstance(client, ValueError):
        raise ParameterError(f"dask={address!r}: {client}", parameter="dask")
    if isinstance(client, OSError):
        raise ClusterError(
            f"dask={address!r}: no Dask scheduler answers there within {CONNECTION:.0f} seconds: "
            "look whether it runs, and whether its port can be reached from here",
            parameter="dask",
        )
    return client


@contextmanager
def cluster_of(client: Any) -> Iterator[Any]:
    """Enter a client: the one given, the one that is active, or one of a cluster made for it.

    The cluster that is made has one worker, in this process, with as many threads as there are
    processors. It listens to this machine alone, has no dashboard, and is closed in the end.

    Yields
    ------
    distributed.Client
    """
    distributed = need("distributed", "dask", 'engine="dask"')
    if client is None:
        with suppress(ValueError):
            client = distributed.Client.current()
    if client is not None:
        Cluster(client)
        with client.as_current():
            yield client
        return
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=processor_count(),
            processes=False,
            dashboard_address=None,
            # where they answer questions about their state
            scheduler_kwargs={"dashboard_address": LOCAL},
            worker_dashboard_address=LOCAL,
        ) as made,
        distributed.Client(made, set_as_default=False) as own,
        own.as_current(),
    ):
        yield own
