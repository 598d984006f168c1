"""A stand-in for the network: OpenML's API and an IDX mirror on loopback, with faults to order.

It serves a small MNIST, and is asked by the real code: scikit-learn's fetch_openml, and pooch.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import mmap
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from imlogit.data.cache.entries import Pins
from imlogit.data.labelled_set import digest, label_digest
from imlogit.data.network.download import Patience, Remote
from imlogit.data.readers import mnist
from imlogit.data.readers.mnist_rows import row_hashes

OPENML_ID = 554
ARFF = f"/data/v1/download/{OPENML_ID}"
FAST = Patience(timeout=0.5, deadline=5.0, attempts=2, delay=0.01)
SHAPE = (8, 8)  # fetch_openml takes its time for each column
STALL_SECONDS = 20.0
HTML = b"<!DOCTYPE html><html><body>Down for maintenance</body></html>"


def small_mnist(n_train: int = 120, n_test: int = 30, seed: int = 0):
    """Return images (n, 8, 8) and labels (n,), all rows different, as MNIST's are."""
    rng = np.random.default_rng(seed)
    n = n_train + n_test
    images = rng.integers(0, 256, (n, *SHAPE), dtype=np.uint8)
    images[:, :1] = 0  # constant pixels, as at MNIST's border
    return images, (np.arange(n) % 10).astype(np.uint8)


def is_mapped(array: np.ndarray) -> bool:
    """Return whether an array's memory is a file."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.tobytes()


def arff_bytes(images: np.ndarray, labels: np.ndarray) -> bytes:
    rows = images.reshape(len(images), -1)
    head = ["@RELATION mnist_784"]
    head += [f"@ATTRIBUTE pixel{i + 1} real" for i in range(rows.shape[1])]
    head += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    body = [
        ",".join(map(str, [*row, label]))
        for row, label in zip(rows.tolist(), labels.tolist(), strict=True)
    ]
    return ("\n".join(head + body) + "\n").encode()


class StandIn:
    """The server, the data that it serves, and the faults that it was told to make.

    `requests` lists the paths that were asked for. `rows` may be set to change what OpenML says
    the data are; `faults` maps a piece of a path to a fault, or to a list of faults of which one
    is used for each request.
    """

    def __init__(self, folder: Path, *, zipped: bool = True):
        self.images, self.labels = small_mnist()
        self.n_train = 120
        self.rows = (self.images, self.labels)
        self.zipped = zipped
        self.requests: list[str] = []
        self.faults: dict[str, str | list[str]] = {}
        self.delay = 0.0
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.idx = self._idx_files()
        self.hashes = folder / "small_rows.npy"
        np.save(self.hashes, row_hashes(self.images, self.labels))

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def facts(self, **changes) -> mnist.Facts:
        """Return what mnist.load_mnist must know to take this server for the world."""
        remotes = tuple(
            Remote(f"{stem}.gz", len(blob), f"sha256:{hashlib.sha256(blob).hexdigest()}")
            for stem, blob in self.idx.items()
        )
        return replace(
            mnist.MNIST,
            n=len(self.images),
            n_train=self.n_train,
            image_shape=SHAPE,
            pins=Pins(digest(self.images), label_digest(self.labels)),
            row_hashes=self.hashes,
            remotes=remotes,
            mirrors=(f"{self.url}/first/", f"{self.url}/second/"),
            max_openml_bytes=2_000_000,
            patience=FAST,
            **changes,
        )

    def stand_for_openml(self, monkeypatch) -> None:
        """Point scikit-learn here."""
        point_openml_at(monkeypatch, self.url)

    def body(self, path: str) -> bytes:
        """Return what an honest server answers to a path, or nothing."""
        return self._answer(path) or b""

    def asked(self, piece: str) -> int:
        """Return how many requests had `piece` in their path."""
        return sum(piece in path for path in self.requests)

    def write_idx(self, folder: Path, *, zipped: bool = True, dotted: bool = False) -> Path:
        """Write the four files into folder/mnist, as a user would have them; return `folder`."""
        home = folder / "mnist"
        home.mkdir(parents=True)
        for stem, blob in self.idx.items():
            name = stem.replace("-idx", ".idx") if dotted else stem
            if zipped:
                (home / f"{name}.gz").write_bytes(blob)
            else:
                (home / name).write_bytes(gzip.decompress(blob))
        return folder

    def _idx_files(self) -> dict[str, bytes]:
        n = self.n_train
        arrays = (self.images[:n], self.labels[:n], self.images[n:], self.labels[n:])
        stems = [stem for pair in mnist.IDX_FILES for stem in pair]
        return {
            stem: gzip.compress(idx_bytes(array), mtime=0)
            for stem, array in zip(stems, arrays, strict=True)
        }

    def _answer(self, path: str) -> bytes | None:
        api = "/api/v1/json/data"
        if path.startswith(f"{api}/list/"):
            found = {"did": OPENML_ID, "name": "mnist_784", "version": 1, "status": "active"}
            return json.dumps({"data": {"dataset": [found]}}).encode()
        if path == f"{api}/{OPENML_ID}":
            return json.dumps({"data_set_description": self._description()}).encode()
        if path == f"{api}/features/{OPENML_ID}":
            return json.dumps({"data_features": {"feature": _features()}}).encode()
        if path == f"{api}/qualities/{OPENML_ID}":
            count = {"name": "NumberOfInstances", "value": str(len(self.rows[0]))}
            return json.dumps({"data_qualities": {"quality": [count]}}).encode()
        if path.startswith(ARFF):
            return arff_bytes(*self.rows)
        return self.idx.get(Path(path).name.removesuffix(".gz"))

    def _description(self) -> dict[str, str]:
        return {
            "id": str(OPENML_ID),
            "name": "mnist_784",
            "version": "1",
            "status": "active",
            "format": "ARFF",
            "description": "a stand-in",
            "file_id": str(OPENML_ID),
            "url": f"{self.url}{ARFF}/mnist_784.arff",
            "md5_checksum": hashlib.md5(arff_bytes(*self.rows)).hexdigest(),
        }

    def _fault(self, path: str) -> str | None:
        for piece, fault in self.faults.items():
            if piece in path:
                if isinstance(fault, str):
                    return fault
                return fault.pop(0) if fault else None
        return None

    def _handler(standin):  # noqa: N805 - the handler's own self is the one below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                standin.requests.append(self.path)
                standin._closing.wait(standin.delay)
                body, fault = standin._answer(self.path), standin._fault(self.path)
                zipped = standin.zipped and body is not None and not self.path.endswith(".gz")
                if zipped:
                    body = gzip.compress(body)
                try:
                    self._send(body, fault, zipped)
                except OSError:  # the client went away, as it should from some of the faults
                    self.close_connection = True

            def _send(self, body, fault, zipped):
                if body is None or fault in ("404", "500"):
                    self.send_error(int(fault or 404))
                    return
                if fault == "html":
                    body, zipped = HTML, False
                if fault == "bomb":
                    body, zipped = gzip.compress(bytes(20_000_000)), True
                if fault == "corrupt":
                    body = body[:-60] + bytes(byte ^ 0x55 for byte in body[-60:-30]) + body[-30:]
                self.send_response(200)
                if zipped:
                    self.send_header("Content-Encoding", "gzip")
                if fault != "endless":
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if fault == "truncated":
                    self.wfile.write(body[: len(body) // 2])
                elif fault == "stalled":
                    self.wfile.write(body[:10])
                    self.wfile.flush()
                    standin._closing.wait(STALL_SECONDS)
                elif fault == "dripping":
                    for byte in body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        if standin._closing.wait(0.05):
                            break
                elif fault == "endless":
                    while not standin._closing.is_set():
                        self.wfile.write(body)
                else:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def point_openml_at(monkeypatch, url: str) -> None:
    """Let scikit-learn take a server for OpenML: its releases keep the address in constants."""
    from sklearn.datasets import _openml

    if hasattr(_openml, "_OPENML_PREFIX"):
        monkeypatch.setattr(_openml, "_OPENML_PREFIX", f"{url}/")
        return
    for name in ("_SEARCH_NAME", "_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES"):
        path = getattr(_openml, name).partition("/api/")[2]
        monkeypatch.setattr(_openml, name, f"{url}/api/{path}")


def _features() -> list[dict[str, str]]:
    common = {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
    n_pixels = math.prod(SHAPE)
    pixels = [
        {"index": str(i), "name": f"pixel{i + 1}", "data_type": "numeric", "is_target": "false"}
        for i in range(n_pixels)
    ]
    label = {"index": str(n_pixels), "name": "class", "data_type": "nominal", "is_target": "true"}
    return [{**feature, **common} for feature in [*pixels, label]]
