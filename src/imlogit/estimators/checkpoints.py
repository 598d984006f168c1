"""Checkpoints: the weights of a long fit, kept so that another goes on from where it was.

A checkpoint is a safetensors file of where every regression is, of what its rows add up to, and of
what was asked for. It is no part of an answer: whatever a fit starts from, its gap is proved anew
over all rows, and the result is the same within the certificate.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from imlogit.arrays import Floats
from imlogit.core.contract import Engine
from imlogit.core.starts.start import Start
from imlogit.errors import DataError, KindError
from imlogit.system.atomic import probe, write_bytes
from imlogit.system.plain_json import check_header, parse
from imlogit.system.regular_file import read_regular
from imlogit.system.text import first_of, printable

if TYPE_CHECKING:
    from imlogit.estimators.fits import Models

# Seconds between two of them at least, and how often the time that one took.
PAUSE, PAUSE_SHARE = 10.0, 20.0
# What rows add up to has digits that engines do not share.
SAME_ROWS = 1e-6
MOST_HEADER_BYTES, MOST_STRUCTURES = 2**14, 64
# The arrays of one, and what their numbers are.
ARRAYS = {
    "asked": np.uint8,
    "rows": np.float64,
    "places": np.int64,
    "weights": np.float64,
    "intercepts": np.float64,
    "steps": np.int64,
}
# What an optimum depends on, beside rows, labels, weights and C.
PARAMETERS = (
    *("tol", "multi_class", "class_weight", "fit_intercept", "standardize", "normalize"),
    "soft_labels",
)


@contextmanager
def until_done(path: Any) -> Iterator[Path | None]:
    """Keep a checkpoint as long as the fits have not ended.

    Parameters
    ----------
    path : path-like or None

    Raises
    ------
    KindError
        For what is no path.
    OutputError
        For a place where nothing can be written.
    """
    if path is None:
        yield None
        return
    if not isinstance(path, str | os.PathLike):
        raise KindError(f"checkpoint={path!r} is no path", parameter="checkpoint")
    probe(path, makes_folders=True)
    yield Path(path)
    with suppress(OSError):
        Path(path).unlink()


class Checkpoint:
    """Where weights are kept on their way; called after every step, it writes at times.

    Parameters
    ----------
    path : Path
    engine : Engine
        Of the rows.
    shape : tuple of int, (n, K, d)
        How many regressions there are, of how many columns and features.
    asked : dict of str to str
        What the optima depend on, by what a message calls it.
    """

    def __init__(
        self, path: Path, engine: Engine, shape: tuple[int, int, int], asked: dict[str, str]
    ) -> None:
        self.path, self.engine, self.shape, self.asked = path, engine, shape, asked
        self.rows: Floats | None = None
        self.due = time.monotonic() + PAUSE

    @classmethod
    def of(cls, path: Path, engine: Engine, models: Models) -> Checkpoint:
        """Return the checkpoint of some models' fits."""
        n_classes = 2 if models.one_by_one else len(models.data.classes)
        shape = len(models), 1 if n_classes == 2 else n_classes, engine.n_features
        return cls(path, engine, shape, _asked(models))

    def __call__(self, reached: Callable[[], Sequence[Start | None]]) -> None:
        """Write where the fits are, if that was last written long enough ago.

        Warns
        -----
        UserWarning
            Where it cannot be written: the fits go on.
        """
        began = time.monotonic()
        if began < self.due:
            return
        content = self._encode(reached())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self.path, content)
        except OSError as error:
            warnings.warn(f"no checkpoint is kept: {error}", UserWarning, stacklevel=2)
        now = time.monotonic()
        self.due = now + max(PAUSE, PAUSE_SHARE * (now - began))

    def read(self) -> list[Start | None] | None:
        """Return where the fits were, None where there is no file.

        Raises
        ------
        DataError
            For a file that is damaged, or of other fits.
        """
        if not os.path.lexists(self.path):
            return None
        arrays = self._arrays()
        theirs = parse(arrays["asked"].tobytes())
        differ = [name for name, value in self.asked.items() if theirs.get(name) != value]
        sums = self._sums()
        if not differ and not np.allclose(
            arrays["rows"], sums, rtol=0, atol=SAME_ROWS * np.abs(sums).max(initial=1.0)
        ):
            differ = ["rows"]
        if differ:
            raise DataError(
                f"{printable(self.path)} is the checkpoint of another fit, which differs in "
                f"{first_of(differ)}: repeat that one, or remove the file",
                parameter="checkpoint",
            )
        found: list[Start | None] = [None] * self.shape[0]
        columns = (arrays[name] for name in ("places", "weights", "intercepts", "steps"))
        for place, weights, b, (iterations, passes) in zip(*columns, strict=True):
            found[place] = Start(weights, b, int(iterations), int(passes))
        return found

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the file, checked."""
        n, k, d = self.shape
        most = 2**20 + 8 * (d + n * (k * (d + 1) + 3))
        try:
            data = read_regular(self.path, most)
            check_header(data, MOST_HEADER_BYTES, MOST_STRUCTURES)
            arrays = load(data)
            if {name: one.dtype for name, one in arrays.items()} != ARRAYS:
                raise ValueError
            if not isinstance(parse(arrays["asked"].tobytes()), dict):
                raise ValueError
        except OSError as error:
            why = error.strerror or error
            raise self._unfit(f"cannot be read as a checkpoint of this fit ({why})") from None
        except (SafetensorError, ValueError, KeyError, TypeError):
            raise self._unfit("is no intact checkpoint") from None
        m = len(places := arrays["places"])
        shapes = {"rows": (d,), "places": (m,), "weights": (m, k, d), "intercepts": (m, k)}
        shapes["steps"] = (m, 2)
        if {name: arrays[name].shape for name in shapes} != shapes or not (
            np.isfinite(arrays["weights"]).all()
            and np.isfinite(arrays["intercepts"]).all()
            and (arrays["steps"] >= 0).all()
            and np.isin(places, np.arange(n)).all()
            and len(np.unique(places)) == m
        ):
            raise self._unfit("is no checkpoint of this fit, or a damaged one")
        return arrays

    def _unfit(self, what: str) -> DataError:
        return DataError(
            f"{printable(self.path)} {what}: remove it, and begin anew", parameter="checkpoint"
        )

    def _encode(self, reached: Sequence[Start | None]) -> bytes:
        _, k, d = self.shape
        known = [(place, one) for place, one in enumerate(reached) if one is not None]
        arrays: dict[str, NDArray[Any]] = {
            "asked": np.frombuffer(json.dumps(self.asked).encode(), np.uint8),
            "rows": self._sums(),
            "places": np.array([place for place, _ in known], np.int64),
            "weights": np.array([one.weights for _, one in known]).reshape(-1, k, d),
            "intercepts": np.array([one.b for _, one in known]).reshape(-1, k),
            "steps": np.array([[one.iterations, one.passes] for _, one in known], np.int64),
        }
        arrays["steps"] = arrays["steps"].reshape(-1, 2)
        return save(arrays)

    def _sums(self) -> Floats:
        """Return what the rows add up to, each times a number drawn for it: one pass."""
        if self.rows is None:
            shares = np.random.default_rng(0).normal(size=(1, self.engine.n_rows))
            self.rows = self.engine.combine(shares)[0]
        return self.rows


def _asked(models: Models) -> dict[str, str]:
    estimator, data, fits = models.estimator, models.data, models.fits
    folds = hashlib.sha256()
    for one in fits:
        folds.update(repr(one.start).encode())
        folds.update(b"" if one.times is None else one.times.tobytes())
    labels = [data.codes, *(one for one in (data.targets, data.indicators) if one is not None)]
    return {
        "shape": repr(data.rows.shape),
        "classes": hashlib.sha256(repr(data.classes.tolist()).encode()).hexdigest(),
        "labels": _digest(*labels),
        "sample weights": _digest(data.weights),
        "C": _digest(np.array([one.C for one in fits])),
        "folds": folds.hexdigest(),
        "pixel_scale": repr(data.scale),
        **{name: repr(getattr(estimator, name, None)) for name in PARAMETERS},
    }


def _digest(*arrays: NDArray[Any]) -> str:
    found = hashlib.sha256()
    for one in arrays:
        found.update(np.ascontiguousarray(one).tobytes())
    return found.hexdigest()
