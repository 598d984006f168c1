"""The images of doubtful labels as files, in folders by what they are called and may be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imlogit.arrays import Pixels
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.readers.listing import Place
from imlogit.data.sources import find_place
from imlogit.errors import DataError
from imlogit.report.pictures.page import as_rgb
from imlogit.report.run_folder import file_name
from imlogit.runs.doubts import Doubt
from imlogit.runs.record import Record, open_record
from imlogit.system.atomic import filling, place_into, refuse_place
from imlogit.system.regular_file import open_regular
from imlogit.system.text import printable

# Of a name of a class or a file, of which systems allow 255 bytes, up to four of them a letter.
MOST_LETTERS = 50
MOST_AROUND = 8


@dataclass(frozen=True)
class DoubtFolder:
    """What was put into a folder.

    Attributes
    ----------
    folder : Path
    n_files : int
        Files of the source that were copied, or linked to.
    n_drawn : int
        Images that have no file, written as PNG as the model saw them.
    """

    folder: Path
    n_files: int
    n_drawn: int


def copy_doubts(
    run: Record | str | os.PathLike[str],
    doubts: Sequence[Doubt],
    folder: str | os.PathLike[str],
    *,
    link: bool = False,
    source: str | None = None,
    progress: Progress | None = None,
) -> DoubtFolder:
    """Copy the images of doubtful labels to ``given-cat/suggested-dog/`` in a new folder.

    Files keep their names, with the image's row where two would have one name. Images of a source
    that is no folder of files are written as PNG.

    Parameters
    ----------
    run : Record or path-like
        The folder of a finished run.
    doubts : sequence of Doubt
        Those to copy, such as the first hundred of `imlogit.doubts`.
    folder : path-like
        Where to; it must not exist.
    link : bool, default=False
        Make symbolic links to the files instead.
    source : str, optional
        Where the run's images are now, if elsewhere.
    progress : callable, optional
        As in `imlogit.load`.

    Raises
    ------
    DataError
        For images that are not those of the run, and to link to those that have no file.
    OutputError
        If the folder exists or cannot be written; then nothing is left of it.
    """
    place = Path(folder)
    refuse_place(place, "folder")
    record = open_record(run)
    _refuse_other_doubts(record, doubts)
    images, files = _images(record, source, progress)
    found = [None if files is None else files.path(images.names[one.row]) for one in doubts]
    if link:
        _refuse_unfound(images, doubts, found)
    with filling(place.parent, place) as hidden:
        made = hidden / "doubts"
        made.mkdir()
        folders, taken = _folder_names(record.names), set[Path]()
        for one, path in zip(doubts, found, strict=True):
            inner = made / f"given-{folders[one.given]}" / f"suggested-{folders[one.suggested]}"
            inner.mkdir(parents=True, exist_ok=True)
            target = _free(inner / _short(path.name if path else f"row-{one.row}.png"), one, taken)
            _write(target, path, images.images[one.row], link=link)
        refuse_place(place, "folder")
        place_into([(made, place)], replace=False)
    n_files = len(found) - found.count(None)
    return DoubtFolder(place, n_files, len(found) - n_files)


class _Files:
    """The files of a source that is a folder on disk, by the names of its images.

    Parameters
    ----------
    folder : Path
    name : str
        Of any of its images.
    follow_links : bool
        Whether links may lead out of the folder.
    """

    def __init__(self, folder: Path, name: str, *, follow_links: bool) -> None:
        self.limit = None if follow_links else folder.resolve()
        self.root = folder
        # around the folders that names start from may be others that hold nothing else
        for _ in range(MOST_AROUND):
            inner = Place(self.root, is_folder=True).folders
            if (self.root / name).exists() or len(inner) != 1:
                break
            self.root /= inner[0]

    def path(self, name: str) -> Path | None:
        """Return where a file is; None where it is not found by its name."""
        path = self.root / name
        if ".." in path.parts or not path.is_file():
            return None
        inside = self.limit is None or path.resolve().is_relative_to(self.limit)
        return path.absolute() if inside else None


def _images(
    record: Record, source: str | None, progress: Progress | None
) -> tuple[ImageSet, _Files | None]:
    """Return a run's images, and their files where these are as the run read them."""
    where = source or record.facts.source
    place = find_place(where)
    if place is None or not place.is_folder:
        return record.images(source, progress=progress), None
    images = record.images(where, progress=progress)
    if not len(images.names):
        return images, None
    follow_links = record.facts.reading.follow_links
    return images, _Files(place.path, images.names[0], follow_links=follow_links)


def _refuse_other_doubts(record: Record, doubts: Sequence[Doubt]) -> None:
    """Refuse doubts that cannot be of a run."""
    rows = {*record.predictions.train_rows.tolist(), *record.predictions.test_rows.tolist()}
    for one in doubts:
        if one.row not in rows or not {one.given, one.suggested} <= set(record.names):
            raise DataError(f"{record.folder}: the doubt of row {one.row} is not of this run.")


def _refuse_unfound(
    images: ImageSet, doubts: Sequence[Doubt], found: Sequence[Path | None]
) -> None:
    """Refuse to link to images that have no file."""
    for one, path in zip(doubts, found, strict=True):
        if path is None:
            raise DataError(
                f"{printable(images.where(one.row))}: no file of this image is found, to which a "
                "link could lead. Copy the images instead, or say where the folder that they are "
                "from is now with source=...",
                parameter="link",
            )


def _folder_names(classes: Sequence[str]) -> dict[str, str]:
    """Return for each class a name fit for a folder's, a different one for each."""
    found: dict[str, str] = {}
    taken = set[str]()
    for name in classes:
        fit = file_name(name)[:MOST_LETTERS]
        while fit.casefold() in taken:
            fit += "-"
        taken.add(fit.casefold())
        found[name] = fit
    return found


def _short(name: str) -> str:
    """Return the name of a file fit for any system, its ending kept."""
    stem, dot, ending = file_name(name).rpartition(".")
    return f"{stem[:MOST_LETTERS]}{dot}{ending[:MOST_LETTERS]}"


def _free(path: Path, one: Doubt, taken: set[Path]) -> Path:
    """Return a path of which there is none yet; small and capital letters are one to some."""
    if (folded := path.with_name(path.name.casefold())) in taken:
        path = path.with_name(f"{path.stem}-row-{one.row}{path.suffix}")
        folded = path.with_name(path.name.casefold())
    taken.add(folded)
    return path


def _write(target: Path, path: Path | None, pixels: Pixels, *, link: bool) -> None:
    if path is None:
        from PIL import Image

        Image.fromarray(pixels if pixels.ndim == 2 else as_rgb(pixels)).save(target, format="PNG")
    elif link:
        target.symlink_to(path)
    else:
        with open_regular(path) as (file, _), target.open("xb") as copy:
            shutil.copyfileobj(file, copy)
