"""What a probe is asked for: each option once, with its help, its default and its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imlogit.data.reading import option_of
from imlogit.errors import ParameterError
from imlogit.runs.grid import grid_from, parse_cs

NAMES = ("plain", "dinov2", "dinov3", "clip", "uni", "mteb")
# What C may be chosen by where a row has any number of labels.
LABEL_SCORINGS = {"average_precision": "mean average precision", "neg_log_loss": "log loss"}


def parse_shots(text: str) -> tuple[int, ...]:
    """Return the numbers of ``1,5,10``.

    Raises
    ------
    ParameterError
    """
    try:
        return tuple(int(one) for one in text.split(","))
    except ValueError:
        raise _wrong_shots(text) from None


def _wrong_shots(given: object) -> ParameterError:
    return ParameterError(
        f"shots={given!r}: give whole numbers of at least 1 with commas between, as in 1,5,10.",
        parameter="shots",
    )


@dataclass(frozen=True, kw_only=True)
class ProbeOptions:
    """What a probe is asked for.

    Raises
    ------
    ParameterError
        For a value out of range, and values that do not go together.
    """

    source: str = option_of(
        "",
        "The embeddings: a .npy, .npz, .safetensors, .parquet or .h5 file, or a folder of shards, "
        "of parts, or of one file an image with a manifest.",
        argument=True,
    )
    train: str | None = option_of(None, "Embeddings to fit on, where no source is given.")
    labels: str | None = option_of(
        None,
        "Their labels, or of the rows to fit on, one a row or a column of 0 and 1 for each: a "
        ".npy, .txt, .csv or .parquet.",
    )
    label_column: str | None = option_of(
        None, "The column of the labels, in tables; several of 0 and 1 with commas between."
    )
    validation: str | None = option_of(None, "Embeddings to choose C by.")
    validation_labels: str | None = option_of(None, "The labels of these.")
    test: str | None = option_of(None, "Embeddings to test on, once.")
    test_labels: str | None = option_of(None, "The labels of these.")
    protocol: str = option_of("plain", f"What a probe does: {', '.join(NAMES)}.")
    Cs: Any = option_of(
        None, "Values of C, FIRST:LAST:COUNT or C,C,...", metavar="GRID", join=",", parse=parse_cs
    )
    alpha: float | None = option_of(
        None, "Mean log loss + alpha/2 ||W||^2, as other packages write it, in the place of C."
    )
    scoring: str | None = option_of(
        None,
        "What C is chosen by, of any number of labels a row: average_precision or neg_log_loss.",
    )
    folds: int | None = option_of(None, "Choose C by so many folds, not by a validation part.")
    shots: Any = option_of(
        None,
        "Fit on so many rows of each class, as in 1,5,10.",
        metavar="N,N",
        join=",",
        parse=parse_shots,
    )
    draws: int | None = option_of(None, "How often shots are drawn. Default: 10.")
    normalize: bool = option_of(False, "Divide each row by its norm.")
    test_size: float = option_of(0.2, "Share of each class kept for the test, if there is no part.")
    seed: int = option_of(0, "Seed of all that is drawn.", min=0, max=2**32 - 1)
    engine: str = option_of("auto", "What adds up over the rows: auto, numba or reference.")
    memory_limit: str | None = option_of(None, "What fits may hold beside the rows, as in 2GB.")

    def __post_init__(self) -> None:
        if self.protocol not in NAMES:
            raise ParameterError(
                f"protocol={self.protocol!r}: give one of {', '.join(NAMES)}.", parameter="protocol"
            )
        if self.Cs is not None:
            object.__setattr__(self, "Cs", grid_from(self.Cs))
        if self.shots is not None:
            object.__setattr__(self, "shots", _shots_of(self.shots))
        if self.scoring is not None and self.scoring not in LABEL_SCORINGS:
            raise ParameterError(
                f"scoring={self.scoring!r}: give {' or '.join(LABEL_SCORINGS)}.",
                parameter="scoring",
            )
        self._check_together()

    def _check_together(self) -> None:
        if self.source and self.train is not None:
            raise ParameterError(
                "train=... stands in the place of a source: give one of them.", parameter="train"
            )
        if self.alpha is not None and (self.Cs is not None or not self.alpha > 0):
            raise ParameterError(
                f"alpha={self.alpha}: give a positive number, without Cs.", parameter="alpha"
            )
        if self.protocol != "plain":
            for name in ("Cs", "alpha", "folds"):
                if getattr(self, name) is not None:
                    raise ParameterError(
                        f"protocol={self.protocol!r} says what C is chosen from, and how: leave "
                        f"{name}=... out.",
                        parameter=name,
                    )
        if self.folds is not None and self.folds < 2:
            raise ParameterError(f"folds={self.folds}: give 2 or more.", parameter="folds")
        if self.draws is not None and self.draws < 1:
            raise ParameterError(f"draws={self.draws}: give 1 or more.", parameter="draws")
        if self.shots is not None and self.protocol in ("dinov2", "clip", "uni"):
            raise ParameterError(
                f"protocol={self.protocol!r} has no few shots: leave shots=... out, or take "
                "dinov3, mteb or plain.",
                parameter="shots",
            )


def _shots_of(given: Any) -> tuple[int, ...]:
    if isinstance(given, str):
        given = parse_shots(given)
    shots = (given,) if isinstance(given, int) else tuple(given)
    if not shots or not all(type(one) is int and one >= 1 for one in shots):
        raise _wrong_shots(given)
    return shots
