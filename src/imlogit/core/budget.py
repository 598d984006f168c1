"""What a family of fits holds beside the features, and how it stays within a limit.

Every regression on its way has a slot with what belongs to each row, some arrays of the size of its
weights, and factors; the sampled rows that factors are made of, partial sums, and the rows' own
coordinates come once. So many regressions are fitted together as the limit has room for; what is
counted does not depend on how many wait. Results are not counted: they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from imlogit.core.contract import DOUBLE, Engine
from imlogit.core.directions.factors import SINGLE, factor_bytes
from imlogit.core.directions.schedule import most_sampled_rows
from imlogit.errors import MemoryShortageError

# Without a limit: the larger of so many bytes, and a share of what the features take.
DEFAULT_LIMIT, FEATURES_SHARE = 512_000_000, 0.5
# Arrays of the size of its weights that a regression on its way needs, and partial sums of a read.
WAY_ARRAYS, PARTIAL_SUMS = 16, 8
# Copies of sampled rows that are there at a time, and of what eigenvectors are made of.
SAMPLE_COPIES, EIGEN_COPIES = 2, 5
# What threads need to cast and multiply blocks of rows.
BUFFERS = 80_000_000
# Factors a class may take so large a share of the limit, for each regression; else one serves all.
FACTORS_SHARE = 0.25
# Square matrices of the rows' products that are there at a time.
PRODUCT_MATRICES = 3
MOST_SLOTS = 64


@dataclass(frozen=True)
class Plan:
    """How regressions are fitted within a limit of memory.

    Attributes
    ----------
    limit, needed : int
        Bytes beside the features: allowed, and held, by estimate.
    at_once, total : int
        Regressions that are fitted together, and in all.
    factor_bytes : int
        What a regression's factors a class may take; else there is one for all classes.
    in_row_space : bool
        Whether they are fitted in coordinates of the rows.
    """

    limit: int
    needed: int
    at_once: int
    total: int
    factor_bytes: int
    in_row_space: bool

    def __str__(self) -> str:
        place = "in the rows' coordinates, " if self.in_row_space else ""
        return (
            f"{place}{self.at_once} of {self.total} at a time, some {self.needed / 1e6:,.0f} MB "
            "beside the features"
        )


def default_limit(engine: Engine) -> int:
    """Return the bytes that fits may hold beside the features, if nobody says so."""
    return max(DEFAULT_LIMIT, round(FEATURES_SHARE * engine.n_bytes))


def make_plan(
    engine: Engine,
    n_classes: int,
    n_columns: int,
    total: int,
    limit: int | None,
    *,
    in_row_space: bool,
) -> Plan:
    """Return how so many regressions are fitted within a limit.

    Parameters
    ----------
    engine : Engine
        Of the features.
    n_classes, n_columns : int
        Of each regression.
    total : int
        The number of regressions.
    limit : int or None
        In bytes; None for the default, or what one regression takes where that is more.
    in_row_space : bool

    Raises
    ------
    MemoryShortageError
        If not even one has room.
    """
    allowed = limit or default_limit(engine)
    size = engine, n_classes, n_columns, in_row_space
    bound = round(FACTORS_SHARE * allowed)
    once, each = _needs(*size, bound)
    if once + each > allowed:
        bound = 0
        once, each = _needs(*size, bound)
    least = once + each
    if limit is None:
        allowed = max(allowed, least)
    elif least > limit:
        raise MemoryShortageError(
            f"memory_limit={limit}: a fit of {engine.n_rows:,} x {engine.n_features:,} features in "
            f"{n_classes:,} classes holds some {least / 1e6:,.0f} MB beside the features; give "
            f"memory_limit={least}, or fewer classes, rows or features",
            parameter="memory_limit",
        )
    at_once = min(total, MOST_SLOTS, (allowed - once) // max(each, 1))
    return Plan(allowed, once + at_once * each, at_once, total, bound, in_row_space)


def _needs(
    engine: Engine, n_classes: int, k: int, in_row_space: bool, bound: int
) -> tuple[int, int]:
    """Return the bytes that are held once, and by each regression on its way."""
    n, d = engine.n_rows, engine.n_features
    once, each = BUFFERS + DOUBLE * PARTIAL_SUMS * k * d, DOUBLE * WAY_ARRAYS * k * d
    if in_row_space:
        once += DOUBLE * PRODUCT_MATRICES * n * n
        d = n
    sampled = most_sampled_rows(n, d, k)
    once += SINGLE * (SAMPLE_COPIES * sampled * d + EIGEN_COPIES * min(sampled, d) ** 2)
    return once, each + engine.slot_bytes(n_classes) + _factors(n, d, k, bound)


def _factors(n: int, d: int, k: int, bound: int) -> int:
    """Return the bytes of a regression's factors, one a class where these are within bounds."""
    one = factor_bytes(most_sampled_rows(n, d, 1), d)
    if k == 1 or k * one <= bound:
        return k * one
    return SINGLE * d * d + DOUBLE * (k * k + k * d)
