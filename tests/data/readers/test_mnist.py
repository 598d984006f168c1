import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import replace

import numpy as np
import pytest

from imlogit.data.cache import entries
from imlogit.data.labelled_set import digest, label_digest
from imlogit.data.readers import mnist
from imlogit.data.readers.mnist_rows import row_hashes
from imlogit.data.sources import load
from imlogit.errors import DownloadError

from helpers.mirror_server import STALL_SECONDS, is_mapped

OPENML_FILE = "/data/v1/download"


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    """Give downloads a temporary folder of their own, so that what they leave is seen."""
    home = tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    return home


def is_it(images, standin):
    np.testing.assert_array_equal(images.images, standin.images)
    np.testing.assert_array_equal(images.labels, standin.labels)
    assert (images.name, images.n_train, len(images.test.images)) == ("mnist", 120, 30)
    assert images.sha256 == digest(standin.images)


# Which source answers


@pytest.mark.parametrize("zipped", [True, False])
def test_openml_answers_first(standin, zipped, no_warning, capfd, temporary):
    standin.zipped = zipped
    images = mnist.load_mnist(facts=standin.facts())
    is_it(images, standin)
    assert images.origin == "scikit-learn fetch_openml, mnist_784 version 1"
    assert standin.asked(OPENML_FILE) == 1, "the data must be downloaded once, not twice"
    assert standin.asked(".gz") == 0
    assert list(temporary.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_labels_in_quotes_are_understood(standin):
    quoted = [f"'{label}'" for label in standin.labels]
    standin.rows = (standin.images, np.array(quoted, dtype=object))
    assert "fetch_openml" in mnist.load_mnist(facts=standin.facts()).origin


def test_the_second_load_asks_nobody(standin, no_warning):
    mnist.load_mnist(facts=standin.facts())
    before = len(standin.requests)
    images = mnist.load_mnist(facts=standin.facts())
    is_it(images, standin)
    assert is_mapped(images.images)
    assert len(standin.requests) == before


@pytest.mark.parametrize("dotted", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_the_users_own_files_come_before_the_network(
    standin, monkeypatch, tmp_path, zipped, dotted, no_warning
):
    folder = standin.write_idx(tmp_path / "mine", zipped=zipped, dotted=dotted)
    monkeypatch.setenv("IMLOGIT_DATA", str(folder))
    images = mnist.load_mnist(facts=standin.facts())
    is_it(images, standin)
    assert images.origin == "IDX files in $IMLOGIT_DATA/mnist"
    assert standin.requests == []


FAULTS = ["404", "500", "html", "truncated", "corrupt", "stalled", "dripping", "endless", "bomb"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_mirror_answers_where_openml_fails(standin, fault, temporary, capfd):
    standin.faults[OPENML_FILE] = fault
    standin.zipped = fault != "endless"
    facts = standin.facts()
    if fault == "dripping":
        facts = replace(facts, patience=replace(facts.patience, deadline=0.3))
    start = time.monotonic()
    images = mnist.load_mnist(facts=facts)
    assert time.monotonic() - start < STALL_SECONDS, "no timeout ended the wait"
    is_it(images, standin)
    host = standin.url.removeprefix("http://")
    assert images.origin == f"IDX files from {host}"
    if fault in ("endless", "bomb", "dripping"):
        assert standin.asked(OPENML_FILE) == 1, "the meter did not stop it: it was asked for again"
    assert standin.asked(OPENML_FILE) >= 1
    assert standin.asked("/first/") == 4
    assert standin.asked("/second/") == 0
    assert list(temporary.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_openml_without_json_is_passed_over(standin):
    standin.faults["/api/"] = "html"
    assert "IDX files" in mnist.load_mnist(facts=standin.facts()).origin


@pytest.mark.timeout(60)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_second_mirror_answers_where_the_first_fails(standin, fault, temporary):
    standin.faults = {"/first/": fault, "/api/": "html"}
    facts = standin.facts()
    if fault == "dripping":
        facts = replace(facts, patience=replace(facts.patience, deadline=0.3))
    start = time.monotonic()
    is_it(mnist.load_mnist(facts=facts), standin)
    assert time.monotonic() - start < STALL_SECONDS, "no timeout ended the wait"
    assert standin.asked("/second/") == 4
    assert list(temporary.iterdir()) == []


def test_a_passing_fault_is_tried_again_after_a_delay(standin, monkeypatch):
    standin.faults = {"/api/": "html", "/first/": ["500"], "/second/": ["404"]}
    slept = []
    monkeypatch.setattr(time, "sleep", lambda seconds: slept.append(seconds))
    is_it(mnist.load_mnist(facts=standin.facts()), standin)
    assert standin.asked("train-images") == 3
    assert standin.facts().patience.delay in slept


def test_the_wait_doubles(standin, monkeypatch):
    facts = standin.facts()
    facts = replace(facts, patience=replace(facts.patience, attempts=4))
    standin.faults = {"/api/": "html", "/first/": "404", "/second/": "404"}
    slept = []
    monkeypatch.setattr(time, "sleep", lambda seconds: slept.append(seconds))
    with pytest.raises(DownloadError):
        mnist.load_mnist(facts=facts)
    delay = facts.patience.delay
    assert slept[-3:] == [delay, 2 * delay, 4 * delay]


def test_when_everything_fails_each_source_has_its_line(standin):
    standin.faults = {"/api/": "500", "/first/": "404", "/second/": "html"}
    with pytest.raises(DownloadError) as caught:
        mnist.load_mnist(facts=standin.facts())
    lines = str(caught.value).splitlines()
    assert lines[1].startswith("  $IMLOGIT_DATA/mnist: IMLOGIT_DATA is not set")
    assert lines[2].startswith("  OpenML")
    assert "500" in lines[2]
    assert lines[3].startswith("  The IDX mirrors")
    assert "404" in lines[3]
    assert "hash" in lines[3]
    assert "Set IMLOGIT_DATA" in lines[4]
    assert "mnist-5k" in lines[4]
    assert len(lines) == 5


# The proof


def test_rows_in_another_order_are_put_back(standin):
    order = np.random.default_rng(1).permutation(150)
    standin.rows = (standin.images[order], standin.labels[order])
    images = mnist.load_mnist(facts=standin.facts())
    is_it(images, standin)
    assert images.origin.endswith("(rows put back into the published order)")
    assert standin.asked(".gz") == 0


def changed_pixel(images, labels):
    images[7, 5, 5] ^= 1
    return images, labels


def changed_label(images, labels):
    labels[7] = (labels[7] + 1) % 10
    return images, labels


def swapped_labels(images, labels):
    labels[[7, 8]] = labels[[8, 7]]
    return images, labels


def one_row_less(images, labels):
    return images[:-1], labels[:-1]


def one_row_twice(images, labels):
    images[7], labels[7] = images[17], labels[17]
    return images, labels


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_pixel, "1 of the published rows are missing, 1 are foreign.*row 7"),
        (changed_label, "1 of the published rows are missing, 1 are foreign.*row 7"),
        (swapped_labels, "2 of the published rows are missing, 2 are foreign.*row 7"),
        (one_row_less, "149 rows instead of 150: 1 of the published rows are missing, 0 are"),
        (one_row_twice, "1 of the published rows are missing, 1 are foreign.*row 7"),
    ],
)
def test_rows_that_are_not_the_published_ones_are_refused(standin, change, message):
    standin.rows = change(standin.images.copy(), standin.labels.copy())
    standin.faults = {".gz": "404"}
    with pytest.raises(DownloadError, match=message):
        mnist.load_mnist(facts=standin.facts())
    standin.faults = {}
    assert "IDX files" in mnist.load_mnist(facts=standin.facts()).origin


@pytest.mark.parametrize("beyond", [256, 257])
def test_a_value_beyond_a_byte_never_becomes_a_wrong_pixel(standin, beyond):
    # whether pandas refuses it or wraps it depends on its release; the SHA-256 does not
    wide = standin.images.astype(np.int64)
    wide[7, 5, 5] += beyond
    standin.rows = (wide, standin.labels)
    images = mnist.load_mnist(facts=standin.facts())
    is_it(images, standin)
    assert beyond == 256 or "IDX files" in images.origin


@pytest.mark.parametrize(
    "values", [[300], [-5], [1.5], [float("nan")], [float("inf")], ["x"], [None]]
)
def test_what_is_no_byte_is_refused(values):
    with pytest.raises(mnist.DataError, match="its pixels"):
        mnist._bytes(np.array(values, dtype=object), "pixels")


def test_digits_as_text_are_understood():
    np.testing.assert_array_equal(
        mnist._bytes(np.array(["5", "0"], dtype=object), "labels"), [5, 0]
    )


# The user's own files, when they are wrong


def break_header(home):
    (home / "train-labels-idx1-ubyte.gz").write_bytes(b"\0\0\x08\x01" + b"\xff" * 4 + bytes(20))


def take_one_away(home):
    (home / "t10k-labels-idx1-ubyte.gz").unlink()


def swap_two(home):
    (home / "train-images-idx3-ubyte.gz").rename(home / "x")
    (home / "train-labels-idx1-ubyte.gz").rename(home / "train-images-idx3-ubyte.gz")
    (home / "x").rename(home / "train-labels-idx1-ubyte.gz")


def mix_parts(home):
    (home / "train-labels-idx1-ubyte.gz").write_bytes(
        (home / "t10k-labels-idx1-ubyte.gz").read_bytes()
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_header, "train-labels-idx1-ubyte.gz declares"),
        (take_one_away, "holds no t10k-labels-idx1-ubyte"),
        (swap_two, "swapped"),
        (mix_parts, "120 images, but its labels file 30 labels"),
    ],
)
def test_wrong_files_are_named_and_the_next_source_is_asked(
    standin, monkeypatch, tmp_path, damage, message
):
    folder = standin.write_idx(tmp_path / "mine")
    damage(folder / "mnist")
    monkeypatch.setenv("IMLOGIT_DATA", str(folder))
    with pytest.warns(UserWarning, match=message):
        images = mnist.load_mnist(facts=standin.facts())
    assert "fetch_openml" in images.origin
    monkeypatch.setenv("IMLOGIT_OFFLINE", "1")
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "other"))
    with (
        pytest.warns(UserWarning, match="was not used"),
        pytest.raises(DownloadError, match=message),
    ):
        mnist.load_mnist(facts=standin.facts())


# The network


@pytest.mark.parametrize("offline", ["1", "0"])
def test_offline_opens_no_socket(standin, monkeypatch, offline):
    opened = []

    class Watched(socket.socket):
        def connect(self, address):
            opened.append(address)
            raise OSError("no network in this test")

    monkeypatch.setattr(socket, "socket", Watched)
    monkeypatch.setenv("IMLOGIT_OFFLINE", offline)
    with pytest.raises(DownloadError) as caught:
        mnist.load_mnist(facts=standin.facts())
    if offline == "1":
        assert opened == []
        assert str(caught.value).count("IMLOGIT_OFFLINE is set") == 2
    else:
        assert opened, "this test does not see the sockets that are opened"


def test_offline_reads_the_cache(standin, monkeypatch):
    mnist.load_mnist(facts=standin.facts())
    monkeypatch.setenv("IMLOGIT_OFFLINE", "1")
    is_it(mnist.load_mnist(facts=standin.facts()), standin)


@pytest.mark.parametrize("api", [None, "html"])
def test_progress_counts_the_bytes(standin, api):
    if api:
        standin.faults["/api/"] = api
    seen = {}
    mnist.load_mnist(
        lambda what, done, total: seen.setdefault(what, []).append((done, total)), standin.facts()
    )
    if api:
        for remote in standin.facts().remotes:
            assert seen[f"downloading {remote.name}"][-1] == (remote.size, remote.size)
    else:
        done, total = seen["downloading from OpenML"][-1]
        assert done == total > 5_000


def test_the_openers_of_other_threads_and_of_the_user_are_left_alone(standin, monkeypatch):
    mine = urllib.request.build_opener()
    monkeypatch.setattr(urllib.request, "_opener", mine)
    seen = []

    def ask_from_another_thread(*_):
        if not seen:
            url = f"{standin.url}/third/train-images-idx3-ubyte.gz"
            thread = threading.Thread(target=lambda: seen.append(urllib.request.urlopen(url)))
            thread.start()
            thread.join()

    is_it(mnist.load_mnist(ask_from_another_thread, standin.facts()), standin)
    assert hasattr(seen[0], "readinto"), "another thread was given the guarded response"
    seen[0].close()
    assert urllib.request._opener is mine


@pytest.mark.parametrize("api", [None, "html"])
@pytest.mark.parametrize("at", [1, 3, 5])
def test_ctrl_c_leaves_nothing_behind(standin, cache_home, temporary, api, at):
    if api:
        standin.faults["/api/"] = api
    opener, calls = urllib.request._opener, []

    def interrupt(*_):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mnist.load_mnist(interrupt, standin.facts())
    assert list(temporary.iterdir()) == []
    assert [path for path in cache_home.iterdir() if path.suffix != ".lock"] == []
    assert urllib.request._opener is opener
    is_it(mnist.load_mnist(facts=standin.facts()), standin)


CHILD = """
import pathlib, pickle, sys, time
from imlogit.data.readers import mnist
facts = pickle.load(sys.stdin.buffer)
print("ready", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
mnist.ROUTES = mnist.ROUTES[2:]
images = mnist.load_mnist(facts=facts)
print(images.sha256, len(images), flush=True)
"""


@pytest.mark.timeout(120)
def test_sixteen_processes_make_one_download(standin, tmp_path):
    import pickle

    standin.delay = 0.2
    facts, go = standin.facts(), tmp_path / "go"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(go)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
        for _ in range(16)
    ]
    try:
        for child in children:
            pickle.dump(facts, child.stdin)
            child.stdin.close()
        for child in children:
            assert child.stdout.readline() == b"ready\n"
        go.touch()
        for child in children:
            assert child.stdout.read().decode() == f"{facts.pins.images} 150\n"
            assert child.stderr.read() == b""
            assert child.wait() == 0
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stdout.close()
            child.stderr.close()
    assert len(standin.requests) == 4


def test_threads_of_one_process_make_one_download(standin):
    standin.faults["/api/"] = "html"
    standin.delay = 0.05
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(mnist.load_mnist(facts=standin.facts())))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    for images in results:
        is_it(images, standin)
    assert standin.asked(".gz") == 4


# The real data


def test_the_real_mnist(full_data, monkeypatch, no_warning):
    monkeypatch.setenv("IMLOGIT_DATA", full_data)
    monkeypatch.setenv("IMLOGIT_OFFLINE", "1")
    images = load("mnist")
    assert images.images.shape == (70_000, 28, 28)
    assert images.n_train == 60_000
    assert int(np.sum(images.train.labels == 2)) == 5_958
    assert digest(images.images) == mnist.MNIST.pins.images
    assert label_digest(images.labels) == mnist.MNIST.pins.labels
    assert full_data not in images.origin

    again = load("mnist")
    assert is_mapped(again.images)
    np.testing.assert_array_equal(again.labels, images.labels)

    shipped = np.load(mnist.MNIST.row_hashes)
    np.testing.assert_array_equal(
        shipped, row_hashes(images.images, images.labels.astype(np.uint8))
    )
    assert len(np.unique(shipped)) == 70_000
    assert entries.read_entry("mnist", mnist.MNIST.pins) is not None


def test_the_shipped_row_hashes_are_those_of_70_000_different_rows():
    shipped = np.load(mnist.MNIST.row_hashes)
    assert shipped.dtype == np.dtype("<u4")
    assert shipped.shape == (70_000,)
    assert len(np.unique(shipped)) == 70_000
