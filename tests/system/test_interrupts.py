"""Ctrl-C, held back where it would leave a lock locked."""

import contextlib
import signal
import threading

import pytest

from imlogit.system.interrupts import DeferredInterrupt
from imlogit.system.threads import SingleThreadedBlas, Team

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("answered")]


@pytest.fixture
def answered():
    """Interrupts raise: what a shell starts in the background ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def strike():
    signal.raise_signal(signal.SIGINT)


def test_an_interrupt_is_answered_at_the_end():
    steps = []

    def work():
        with DeferredInterrupt() as outer:
            with DeferredInterrupt():
                strike()
                steps.append("inner")
            steps.append("outer")
            assert outer.noted
        steps.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["inner", "outer"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with DeferredInterrupt() as held:
        strike()
    assert not held.noted


def test_other_threads_leave_the_handler_alone():
    handlers = []

    def work():
        with DeferredInterrupt():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


def test_a_team_that_is_interrupted_at_any_instruction_works_on():
    ended = threading.Event()
    main = threading.main_thread().ident

    def hammer():
        while not ended.wait(0.0005):
            signal.pthread_kill(main, signal.SIGINT)

    def once(signum, frame):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    team = Team()
    team.size = 2
    thread = threading.Thread(target=hammer)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with team:
        thread.start()
        for _ in range(500):
            with contextlib.suppress(KeyboardInterrupt):
                signal.signal(signal.SIGINT, once)
                while True:
                    team.share(lambda first, last: None, 8)
        ended.set()
        thread.join()
        done = []
        team.share(lambda first, last: done.append(last - first), 8)
    assert sum(done) == 8


def test_a_limit_is_lifted_where_an_interrupt_came_while_it_was_set(monkeypatch):
    monkeypatch.setattr("imlogit.system.threads._limit_blas", lambda: strike() or Limit())
    before = SingleThreadedBlas._inside
    with pytest.raises(KeyboardInterrupt), SingleThreadedBlas():
        pass
    assert SingleThreadedBlas._inside == before
    assert Limit.lifted == (1 if before == 0 else 0)


class Limit:
    lifted = 0

    def __exit__(self, *_):
        Limit.lifted += 1
