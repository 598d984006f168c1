"""Dask's processes on this machine, one by one, and relays between them: a slow network."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
# What is passed on at a time, and how long a process may take to be there.
PIECE = 16_384
STARTING = 60


@dataclass
class Link:
    """One direction of a network, that all connections share.

    Attributes
    ----------
    delay : float
        Seconds from one end to the other.
    rate : float
        Bytes per second.
    """

    delay: float = 0.0
    rate: float = float("inf")
    free_at: float = 0.0

    def arrival(self, n_bytes: int) -> float:
        """Return when bytes are there that are sent now, behind those before."""
        self.free_at = max(self.free_at, time.perf_counter()) + n_bytes / self.rate
        return self.free_at + self.delay


@dataclass
class Network:
    """Relays, and the two directions that they share: to what they stand before, and back."""

    there: Link = field(default_factory=Link)
    back: Link = field(default_factory=Link)

    def __enter__(self) -> Network:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def slow_down(self, delay: float, rate: float) -> None:
        """Let every message take so many seconds, and all of them so many bytes per second."""
        for link in (self.there, self.back):
            link.delay, link.rate = delay, rate

    def before(self, address: str, *, turned: bool = False) -> str:
        """Return the address of a relay before another one."""
        port = int(address.rpartition(":")[2])
        ways = (self.back, self.there) if turned else (self.there, self.back)

        async def serve() -> str:
            async def connected(reader: Any, writer: Any) -> None:
                with suppress(OSError, asyncio.CancelledError):
                    inner = await asyncio.open_connection(HOST, port)
                    await asyncio.gather(
                        _pass_on(reader, inner[1], ways[0]), _pass_on(inner[0], writer, ways[1])
                    )

            server = await asyncio.start_server(connected, HOST, 0)
            return f"tcp://{HOST}:{server.sockets[0].getsockname()[1]}"

        return asyncio.run_coroutine_threadsafe(serve(), self.loop).result()


async def _pass_on(reader: Any, writer: Any, link: Link) -> None:
    """Write what is read, each piece when it would have arrived."""
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read() -> None:
        while True:
            try:
                piece = await reader.read(PIECE)
            except OSError:
                piece = b""
            await pieces.put((link.arrival(len(piece)), piece))
            if not piece:
                return

    reading = asyncio.ensure_future(read())
    with suppress(OSError):
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
    reading.cancel()
    writer.close()


def free_port() -> int:
    """Return a port that nobody listens to now."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def process(kind: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a scheduler or a worker of Dask's until the block ends."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as started:  # type: ignore[call-overload]
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.kill(started.pid, signal.SIGKILL)


@contextmanager
def processes(n_workers: int) -> Iterator[tuple[int, str]]:
    """Yield a scheduler's process and its address; workers of one thread join it."""
    port = free_port()
    address = f"tcp://{HOST}:{port}"
    with ExitStack() as stack:
        here = ("--host", HOST, "--no-dashboard")
        scheduler = stack.enter_context(process("scheduler", *here, "--port", str(port)))
        for _ in range(n_workers):
            stack.enter_context(process("worker", address, *here, "--no-nanny", "--nthreads", "1"))
        yield scheduler.pid, address


@contextmanager
def relayed(n_workers: int) -> Iterator[tuple[Any, Network]]:
    """Yield the client of workers that are reached through a network, and reach others so."""
    from distributed import Client, LocalCluster

    with ExitStack() as stack:
        made = stack.enter_context(
            LocalCluster(n_workers=0, host=HOST, dashboard_address=f"{HOST}:0")
        )
        client = stack.enter_context(Client(made))
        network = stack.enter_context(Network())
        # a worker's messages to the scheduler go the way of its answers
        scheduler = network.before(made.scheduler_address, turned=True)
        for _ in range(n_workers):
            own = f"tcp://{HOST}:{free_port()}"
            at = ("--listen-address", own, "--contact-address", network.before(own))
            words = (*at, "--no-nanny", "--no-dashboard", "--nthreads", "1")
            stack.enter_context(process("worker", scheduler, *words))
        client.wait_for_workers(n_workers, timeout=STARTING)
        yield client, network
