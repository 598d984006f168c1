"""Decoding in processes of their own: what is said where they are ended."""

import threading

import pytest

from imlogit.data.images import decode_many


@pytest.mark.parametrize(("name", "heard"), [(decode_many.POOL_THREAD, 0), ("another", 1)])
def test_what_the_pool_says_of_its_end_is_no_news(monkeypatch, name, heard):
    said = []
    monkeypatch.setattr(threading, "excepthook", said.append)
    with decode_many._nothing_said_of_the_end():
        thread = threading.Thread(target={}.__getitem__, args=("cut off",), name=name)
        thread.start()
        thread.join()
    assert len(said) == heard
    assert threading.excepthook == said.append
