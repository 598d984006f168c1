"""Run directories: everything a training run leaves behind, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imlogit.atomic import sync_folder, write_bytes
from imlogit.errors import ImlogitError, OutputError
from imlogit.model import save_model
from imlogit.report.figures import sample_sheet, weight_sheet
from imlogit.train import Training

RUNS = "imlogit-runs"
MOST_RUNS = 100_000


def check_free(out: Path | None) -> None:
    """Refuse a place that is taken, before the work rather than after it."""
    if out is not None and os.path.lexists(out):
        raise OutputError(
            f"{out} exists already, and a run never overwrites. Choose another place for --out."
        )


def write_run(training: Training, out: Path | None = None) -> Path:
    """Write a run directory.

    Parameters
    ----------
    training : Training
    out : Path, optional
        A folder that does not exist yet; by default ``imlogit-runs/NAME-N`` with the first free N.

    Returns
    -------
    Path
        Where it was written: ``model.imlogit``, ``metrics.json``, ``samples.png``,
        ``weights.png`` and ``command.txt``.

    Raises
    ------
    OutputError
        If the folder exists or cannot be written; then nothing is left of it.
    """
    check_free(out)
    parent = out.parent if out is not None else Path(RUNS)
    with _beside(parent) as folder:
        for name, content in _contents(training).items():
            write_bytes(folder / name, content())
        save_model(
            training.model,
            folder / "model.imlogit",
            image_set=training.image_set,
            positive=training.target.positive,
        )
        place = _place(folder, out, parent / training.image_set.name)
    sync_folder(parent)
    return place


def _contents(training: Training) -> dict[str, Callable[[], bytes]]:
    model, target, images = training.model, training.target, training.image_set
    titles = target.names if target.positive is None else (target.positive,)
    return {
        "metrics.json": lambda: metrics_json(training).encode(),
        "samples.png": lambda: sample_sheet(images, training.options.seed),
        "weights.png": lambda: weight_sheet(model.coef_, images.image_shape, titles),
        "command.txt": lambda: (training.command() + "\n").encode(),
    }


def metrics_json(training: Training) -> str:
    """Return the metrics as JSON, the same text for the same result."""
    return json.dumps(training.metrics(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


@contextmanager
def _beside(parent: Path) -> Iterator[Path]:
    """Make a hidden folder to fill; whatever ends the block early removes it."""
    folder = None
    made = [path for path in (parent, *parent.parents) if not path.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".imlogit-", dir=parent))
        folder.chmod(0o777 & ~_umask())
        yield folder
    except BaseException as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(made)
        if isinstance(error, OSError) and not isinstance(error, ImlogitError):
            raise OutputError(
                f"{parent}: the run cannot be written ({error.strerror or error}). "
                "Choose another place with --out."
            ) from error
        raise


def _place(folder: Path, out: Path | None, base: Path) -> Path:
    """Give the filled folder its name, which must be free."""
    if out is not None:
        check_free(out)
        folder.rename(out)
        return out
    for number in range(1, MOST_RUNS):
        place = base.with_name(f"{base.name}-{number}")
        if os.path.lexists(place):
            continue
        try:
            # onto a folder that another run has filled meanwhile, this fails
            folder.rename(place)
        except OSError:
            if os.path.lexists(place):
                continue
            raise
        return place
    raise OutputError(f"{base.parent} holds {MOST_RUNS} runs. Remove some, or choose --out.")


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
