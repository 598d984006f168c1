"""Rows on the workers of a Dask cluster, in blocks that can be read again from their source."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Rows
from imlogit.engines.cluster import Cluster, current_client
from imlogit.engines.file_rows import are_here, read_files, rows_in_files
from imlogit.engines.matrix import HALVES, IN_PLACE, ArrayMatrix, Matrix
from imlogit.errors import DataError, KindError
from imlogit.system.extras import need
from imlogit.system.text import first_of
from imlogit.system.threads import lanes

# Blocks are of about so many bytes, but not fewer than so many where lanes allow: workers share
# them, and each costs a pass two milliseconds. Both look at the rows alone, so that no sum depends
# on the workers.
BLOCK_BYTES, FEWEST_BLOCKS = 128_000_000, 8
READ = (*(str(one) for one in IN_PLACE), *HALVES)


class DaskMatrix(Matrix):
    """Rows in blocks on workers.

    Parameters
    ----------
    cluster : Cluster
    shape : tuple of int, (n, d)
    values : dtype
        Of the numbers in the blocks.
    chunks : sequence of int
        How many rows each block of the source has, by which rows are named.
    load : callable
        Called with the borders of blocks, returns a future of each.
    """

    def __init__(
        self,
        cluster: Cluster,
        shape: tuple[int, int],
        values: np.dtype[Any],
        chunks: Sequence[int],
        load: Callable[[list[int]], list[Any]],
    ) -> None:
        self.cluster, self.shape, self.chunks = cluster, shape, chunks
        self.dtype = np.dtype(np.float32) if values.name in HALVES else values.newbyteorder("=")
        self.lanes, self.block_lanes = lanes_and_blocks(*shape, values.itemsize)
        self.borders = self.lanes[self.block_lanes]
        self.futures = load(self.borders.tolist())

    @property
    def engine(self) -> str | None:
        """Dask: whoever else asks for rows has them sent."""
        return "dask"

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows, sent by the workers that have them."""
        stop = min(stop, len(self))
        start = min(start, stop)
        which = _overlapping(self.borders, start, stop)
        places = [(start - self.borders[k], stop - self.borders[k]) for k in which]
        parts = self.cluster.call(
            _rows_between,
            [self.futures[k] for k in which],
            [max(int(first), 0) for first, _ in places],
            [int(last) for _, last in places],
        )
        return np.concatenate([np.empty((0, self.shape[1]), self.dtype), *parts])

    def take(self, rows: Rows) -> NDArray[Any]:
        """Return a few rows, sent by the workers that have them."""
        rows = np.arange(len(self))[rows]
        of_block = np.searchsorted(self.borders, rows, side="right") - 1
        which = np.unique(of_block)
        mine = [np.flatnonzero(of_block == k) for k in which]
        parts = self.cluster.call(
            _rows_of,
            [self.futures[k] for k in which],
            [rows[one] - self.borders[k] for k, one in zip(which, mine, strict=True)],
        )
        found = np.empty((len(rows), self.shape[1]), self.dtype)
        for one, part in zip(mine, parts, strict=True):
            found[one] = part
        return found

    def by_block(
        self, function: Callable[[NDArray[Any]], Any], real: type[np.floating] | None = None
    ) -> list[Any]:
        """Return what a function finds in each block, on the workers."""
        n = len(self.futures)
        found = self.cluster.call(_apply, self.futures, [function] * n, [real] * n)
        return [one for parts in found for one in parts]

    def places(self, rows: Rows) -> str:
        """Return in which blocks of the source some rows are."""
        return spell_blocks(self.chunks, rows)


def spell_blocks(lengths: Sequence[int], rows: Rows) -> str:
    """Return in which blocks some rows are, in words."""
    found = np.unique(np.searchsorted(np.cumsum(lengths), rows, side="right"))
    name = "block" if len(found) == 1 else "blocks"
    return f", in {name} {first_of([str(one) for one in found.tolist()])}"


def lanes_and_blocks(n: int, d: int, itemsize: int) -> tuple[Rows, Rows]:
    """Return the borders of lanes in rows, and of blocks in lanes: they depend on nothing else.

    Lanes are those of the Numba engine, as long as one is a block that a worker can hold.
    """
    borders = lanes(n)
    most = -(-n * max(d, 1) * itemsize // BLOCK_BYTES)
    if most > len(borders) - 1:
        borders = np.arange(most + 1, dtype=np.int64) * n // most
    n_lanes = len(borders) - 1
    n_blocks = min(n_lanes, max(most, FEWEST_BLOCKS))
    return borders, np.arange(n_blocks + 1) * n_lanes // n_blocks


def is_dask(X: Any) -> bool:
    """Whether it is an array or a frame of Dask's, found out without an import of it."""
    return type(X).__module__.partition(".")[0] in ("dask", "dask_expr") and hasattr(X, "dask")


def frame_names(X: Any) -> NDArray[Any] | None:
    """Return the names of a frame's columns, if they are all text."""
    names = list(getattr(X, "columns", ()))
    text = bool(names) and all(isinstance(name, str) for name in names)
    return np.asarray(names, dtype=object) if text else None


@dataclass(frozen=True)
class DaskBlocks:
    """An array or a frame of Dask's, as blocks of rows.

    Attributes
    ----------
    blocks : list
        Delayed: arrays of images or rows, or frames.
    lengths : list of int
    item : tuple of int
        The shape of one row or image.
    dtype : dtype
        That the rows are read in.
    """

    blocks: list[Any]
    lengths: list[int]
    item: tuple[int, ...]
    dtype: np.dtype[Any]

    @staticmethod
    def of(X: Any, cluster: Cluster) -> DaskBlocks:
        """Look at an array or a frame; unknown lengths are counted on the workers."""
        if hasattr(X, "npartitions") and hasattr(X, "columns"):
            types = {str(one).lower() for one in X.dtypes}
            dtype = np.dtype(types.pop() if len(types) == 1 and types <= set(READ) else np.float64)
            blocks = list(X.to_delayed())
            return DaskBlocks(blocks, _lengths(blocks, None, cluster), (len(X.columns),), dtype)
        check_chunks(X)
        dtype = X.dtype if X.dtype.name in READ else np.dtype(np.float64)
        if X.dtype.kind not in "buif" and X.dtype.name not in HALVES:
            raise KindError(f"X is a dask.array of {X.dtype}: give numbers, X.astype('float64')")
        blocks = X.to_delayed().ravel().tolist()
        return DaskBlocks(blocks, _lengths(blocks, X.chunks[0], cluster), X.shape[1:], dtype)

    def load(self, borders: list[int], cluster: Cluster) -> list[Any]:
        """Return futures of the rows between borders, that any worker can make from the source."""
        delayed = need("dask", "dask", 'engine="dask"').delayed
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        made = []
        for start, stop in pairwise(borders):
            which = _overlapping(ends, start, stop)
            cuts = [(max(start - ends[k], 0), min(stop, ends[k + 1]) - ends[k]) for k in which]
            parts = [self.blocks[k] for k in which]
            made.append(delayed(_assembled, pure=True)(parts, cuts, self.item, self.dtype))
        futures: list[Any] = cluster.client.compute(made)
        return futures


def check_chunks(X: Any) -> None:
    """Refuse an array of no rows, or one whose rows are cut into chunks.

    Raises
    ------
    DataError
    """
    if X.ndim < 2:
        raise DataError(
            f"X is a dask.array of {X.ndim} dimension: give rows, X[:, None], or images"
        )
    for axis, sizes in enumerate(X.chunks[1:], start=1):
        if len(sizes) > 1 or math.isnan(sizes[0]):
            whole = ", ".join(f"{one}: -1" for one in range(1, X.ndim))
            raise DataError(
                f"X is cut into {len(sizes)} chunks along axis {axis}, and a row must be in one: "
                f"X = X.rechunk({{0: 'auto', {whole}}})"
            )


def _lengths(blocks: list[Any], known: Any, cluster: Cluster) -> list[int]:
    """Return how many rows each block has; where it is not known they are counted."""
    if known is not None and not any(math.isnan(one) for one in known):
        return [int(one) for one in known]
    delayed = need("dask", "dask", 'engine="dask"').delayed
    futures = cluster.client.compute([delayed(len, pure=True)(one) for one in blocks])
    return [int(one) for one in cluster.gather(futures)]


def matrix_of(X: Any) -> tuple[DaskMatrix, tuple[int, ...] | None]:
    """Return an array or a frame of Dask's as rows on the workers, and the shape of one image."""
    cluster = Cluster(current_client())
    source = DaskBlocks.of(X, cluster)
    shape = sum(source.lengths), math.prod(source.item)

    def load(borders: list[int]) -> list[Any]:
        return source.load(borders, cluster)

    found = DaskMatrix(cluster, shape, source.dtype, source.lengths, load)
    return found, source.item if len(source.item) > 1 else None


def spread_rows(matrix: Matrix) -> DaskMatrix:
    """Return rows of another kind, on the workers of the current client.

    Rows in files that every worker finds as well are read there, and again after a worker's loss.
    Others are sent: the scheduler keeps what is sent, so that the loss is none of theirs.
    """
    cluster = Cluster(current_client())
    n, d = matrix.shape

    def load(borders: list[int]) -> list[Any]:
        blocks = [rows_in_files(matrix, *ends) for ends in pairwise(borders)]
        files = [one for block in blocks if block is not None for one in block]
        if None not in blocks and cluster.all_workers(are_here, files):
            return cluster.start(read_files, blocks)
        return cluster.start(_as_it_is, [matrix.block(*ends) for ends in pairwise(borders)])

    return DaskMatrix(cluster, (n, d), matrix.dtype, [n], load)


def gathered(values: Any, X: Any, name: str) -> Any:
    """Return labels or weights of Dask's as an array, and everything else as it is.

    Parameters
    ----------
    values : array-like or collection of Dask's, shape (n,)
    X : Matrix or array-like
        The rows that they belong to.
    name : str

    Raises
    ------
    DataError
        Where their blocks have not as many rows in all as those of ``X``.
    """
    if not is_dask(values):
        return values
    cluster = X.cluster if isinstance(X, DaskMatrix) else Cluster(current_client())
    frame = hasattr(values, "npartitions") and not hasattr(values, "chunks")
    blocks = list(values.to_delayed()) if frame else values.to_delayed().ravel().tolist()
    lengths = _lengths(blocks, None if frame else values.chunks[0], cluster)
    if isinstance(X, DaskMatrix) and sum(lengths) != len(X):
        pairs = enumerate(zip(X.chunks, lengths, strict=False))
        differ = [k for k, (one, other) in pairs if one != other]
        k = differ[0] if differ else min(len(lengths), len(X.chunks))
        ours, theirs = (one[k] if k < len(one) else 0 for one in (X.chunks, lengths))
        raise DataError(
            f"X has {len(X):,} rows and {name} {sum(lengths):,}: block {k}, counted from 0, has "
            f"{ours:,} rows of X and {theirs:,} of {name}"
        )
    parts = cluster.gather(cluster.client.compute(blocks))
    return np.concatenate([np.asarray(part) for part in parts])


def _overlapping(borders: Any, start: int, stop: int) -> list[int]:
    """Return the blocks between borders that have rows from ``start`` to ``stop``."""
    pairs = enumerate(pairwise(np.asarray(borders).tolist()))
    return [k for k, (first, last) in pairs if first < stop and start < last]


def _as_it_is(block: NDArray[Any]) -> NDArray[Any]:
    return block


def _assembled(
    parts: list[Any], cuts: list[tuple[int, int]], item: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return pieces of blocks of the source as one array of rows."""
    rows = []
    for part, (first, last) in zip(parts, cuts, strict=True):
        if len(part) < last or tuple(part.shape[1:]) != tuple(item):
            raise DataError(
                f"a block of X has the shape {tuple(part.shape)}, and not that of its plan, "
                f"{(last, *item)} at least: has its source changed?"
            )
        values = (
            part.iloc[first:last].to_numpy(dtype) if hasattr(part, "iloc") else part[first:last]
        )
        rows.append(np.asarray(values, dtype).reshape(last - first, math.prod(item)))
    return np.concatenate(rows) if len(rows) > 1 else np.ascontiguousarray(rows[0])


def _rows_between(block: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    return ArrayMatrix(block).block(start, stop)


def _rows_of(block: NDArray[Any], rows: Rows) -> NDArray[Any]:
    return ArrayMatrix(block).take(rows)


def _apply(
    block: NDArray[Any],
    function: Callable[[NDArray[Any]], Any],
    real: type[np.floating] | None,
) -> list[Any]:
    return ArrayMatrix(block).by_block(function, real)
