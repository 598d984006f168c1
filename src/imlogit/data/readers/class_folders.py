"""A folder of class folders: each image's class is the name of the folder that it lies in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode_many import Encoded
from imlogit.data.problems import BadItem
from imlogit.data.progress import Progress
from imlogit.data.readers.listing import Item
from imlogit.data.readers.parts import Parts, choose_parts, part_of
from imlogit.data.readers.source import FileSource
from imlogit.data.readers.trees.image_files import FileListing, PartFiles, read_listed
from imlogit.data.readers.trees.labelled_files import hint_of_labels, labelled_files
from imlogit.data.readers.trees.tree import DiskTree, Tree, within
from imlogit.data.reading import Reading
from imlogit.data.remarks import remark
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

LAYOUT = "Put the images of each class into a folder of its own, named after it"
# Around a folder of class folders there may be so many that hold nothing but one other.
MOST_AROUND = 8
# Folders of images without labels are called so, as those who read class folders want one.
NO_CLASSES = frozenset(("unknown", "unlabelled", "unlabeled", "test", "images", "all", "none"))


class FoundFile(NamedTuple):
    """An image file of a part, or what is wrong with one.

    Attributes
    ----------
    name : str
        Within the folder of its part.
    problem : str or None
    """

    name: str
    problem: str | None

    @property
    def folders(self) -> list[str]:
        """The folders that it lies in, the outermost first."""
        return self.name.split("/")[:-1]


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read a folder of class folders, or one with such folders for each part.

    Parameters
    ----------
    path : Path
    reading : Reading
    progress : callable, optional
        Told how many images are decoded.

    Raises
    ------
    BadItemsError
        For files that cannot be used, unless they are to be passed over.
    DataError
        For a folder without class folders, and a part with classes of its own.
    """
    return read_listed(_list(path, reading), reading, progress)


def _list(path: Path, reading: Reading, _progress: Progress | None = None) -> FileListing:
    """List the image files of a folder."""
    tree, name = DiskTree(path, reading.follow_links), printable(path.resolve().name)
    return list_tree(tree, path, name, "a folder", reading)


def list_tree(tree: Tree, path: Path, name: str, kind: str, reading: Reading) -> FileListing:
    """List the image files of class folders, on disk or in an archive, and their classes.

    Parameters
    ----------
    tree : Tree
    path : Path
        Where it is, beside which or in which a table of labels may lie.
    name : str
        As in `ImageSet`.
    kind : str
        What holds the folders, with an article.
    reading : Reading
    """
    if reading.labels or reading.label_from:
        origin = f"{kind} of images, and their labels elsewhere"
        return FileListing(labelled_files(tree, path, reading), name, origin)
    root = _innermost(tree, "")
    folders = _parts(tree, root)
    train, *others = (None if one is None else _list_part(tree, one, root) for one in folders)
    assert train is not None
    if not train.files and not train.problems:
        hint = tree.conversion() or f"{LAYOUT}."
        raise DataError(f"{name}: there is no class folder with an image. {hint}")
    validation, test = (
        None if part is None or folder is None else _labelled(part, tree.name(folder), name)
        for part, folder in zip(others, folders[1:], strict=True)
    )
    return FileListing(Parts(train, validation, test), name, f"{kind} of class folders")


def _innermost(tree: Tree, place: str) -> str:
    """Return the folder that is meant: around it may be others that hold nothing else."""
    for _ in range(MOST_AROUND):
        inner = _only_folder(tree, place)
        if inner is None or not _only_folders(tree, inner):
            return place
        place = inner
    return place


def _only_folder(tree: Tree, place: str) -> str | None:
    """Return the one folder in a folder without images, or None."""
    found = _subfolders(tree, place)
    if len(found) != 1 or found[0].problem is not None or _loose_images(tree, place):
        return None
    return within(place, found[0].name)


def _only_folders(tree: Tree, place: str) -> bool:
    """Whether images lie in folders of this folder, and not in itself."""
    return bool(_subfolders(tree, place)) and not _loose_images(tree, place)


def _subfolders(tree: Tree, place: str) -> list[Item]:
    try:
        return tree.folders(place)
    except OSError as error:
        raise DataError(
            f"{printable(tree.where(place))} cannot be read ({error.strerror or error}). Change "
            "its permissions."
        ) from error


def _parts(tree: Tree, root: str) -> Parts[str]:
    """Return the folders of the parts, or the one folder of all classes."""
    found = _subfolders(tree, root)
    training = [item.name for item in found if part_of(item.name) == "training"]
    # a class may be called so: what is a part holds folders
    if not any(tree.has_folders(within(root, name)) for name in training):
        return Parts(root)
    source = printable(tree.name(root))
    parts = choose_parts(source, [(item.name, item) for item in found])
    if parts is None:
        return Parts(root)
    for item in parts.present:
        if item.problem is not None:  # what lies behind it may change unseen
            raise DataError(f"{source}/{item.name}: {item.problem}.", parameter="follow_links")
    others = [printable(item.name) for item in found if item not in parts.present]
    if others:
        kept = ", ".join(f"{printable(item.name)}/" for item in parts.present)
        remark(f"{source}: only {kept} are read; left out: {first_of(others)}")
    folders = (None if item is None else within(root, item.name) for item in parts)
    train, validation, test = (
        None if folder is None else _innermost(tree, folder) for folder in folders
    )
    assert train is not None
    return Parts(train, validation, test)


def _list_part(tree: Tree, folder: str, root: str) -> PartFiles:
    """List the images of each class folder."""
    above = "" if folder == root else f"{folder[len(root) :].lstrip('/')}/"
    part, ignored, found = PartFiles(), list[str](), list[FoundFile]()
    of_classes = _subfolders(tree, folder)
    for of_class, problem in of_classes:
        where = printable(f"{above}{of_class}")
        if problem is not None:
            part.problems.append(BadItem(where, problem))
            continue
        images, others = _list_class(tree, within(folder, of_class), of_class, root)
        ignored += (printable(above + name) for name in others)
        found += images
        if not images:
            part.problems.append(BadItem(where, "the folder of this class holds no image"))
    class_of = _classes_by_folder(found, printable(tree.name(root)))
    for one in found:
        where = printable(above + one.name)
        if one.problem is not None:
            part.problems.append(BadItem(where, one.problem))
            continue
        part.files.append(Encoded(where, tree.content(within(folder, one.name))))
        part.classes.append(class_of["/".join(one.folders)])
    _say_of_loose_images(tree, folder, above, bool(of_classes))
    if ignored:
        remark(
            f"{printable(tree.name(root))}: {len(ignored):,} files that are not named as images "
            f"were not read, such as {ignored[0]}"
        )
    return part


def _list_class(
    tree: Tree, folder: str, of_class: str, root: str
) -> tuple[list[FoundFile], list[str]]:
    """Return the images of one class, and files that are left out by their names."""
    found, others = list[FoundFile](), list[str]()
    for name, problem in tree.files_below(folder, root):
        if problem is not None or tree.is_image(f"{folder}/{name}"):
            found.append(FoundFile(f"{of_class}/{name}", problem))
        else:
            others.append(f"{of_class}/{name}")
    return found, others


def _classes_by_folder(found: Iterable[FoundFile], source: str) -> dict[str, str]:
    """Return the class of the images in each folder.

    That is the outermost folder: what lies in it may be ordered further. But where all images lie
    deeper, in several folders of different names, those are the classes, and the outermost are
    groups of them; this is said.
    """
    below: dict[str, set[str]] = defaultdict(set)
    folders = {"/".join(one.folders): one.folders for one in found}
    for names in folders.values():
        below[names[0]].add("/".join(names[1:]))
    innermost = [names[-1] for names in folders.values()]
    grouped = (
        all("" not in inner for inner in below.values())
        and any(len(inner) > 1 for inner in below.values())
        and len(set(innermost)) == len(innermost)
    )
    if grouped:
        remark(
            f"{source}: the folder that an image lies in is its class: {first_of(innermost)}; "
            f"{first_of(sorted(below))} are taken as groups of classes"
        )
    return {place: names[-1 if grouped else 0] for place, names in folders.items()}


def _labelled(part: PartFiles, folder: str, source: str) -> PartFiles | None:
    """Return another part, or None where its folders say nothing of the classes."""
    names = {name.lower() for name in part.classes}
    if part.problems or names - NO_CLASSES:
        return part
    remark(
        f"{source}: {printable(folder)}/ has no class folders as the training part has, and "
        "is left out: images without labels are for `imlogit predict`"
    )
    return None


def _loose_images(tree: Tree, place: str) -> list[str]:
    """Return the images that lie in a folder itself."""
    try:
        names = tree.names(place)
    except OSError as error:
        raise DataError(
            f"{printable(tree.where(place))} cannot be read ({error.strerror or error})."
        ) from error
    return sorted(name for name in names if tree.is_image(within(place, name)))


def _say_of_loose_images(tree: Tree, folder: str, above: str, beside_classes: bool) -> None:
    """Say that images which lie in no class folder have no label."""
    loose = _loose_images(tree, folder)
    if not loose:
        return
    what = f"{len(loose):,} images lie in no class folder, such as {printable(above + loose[0])}"
    if not beside_classes and not above:
        raise DataError(
            f"{printable(tree.where(folder))}: {what}. {LAYOUT}, {hint_of_labels(tree, folder)}."
        )
    if beside_classes:
        remark(f"{printable(tree.name(folder))}: {what}, and were not read")


# Whatever is in it: any folder that is no other source is one of class folders.
SOURCE = FileSource(
    name="folder",
    form="FOLDER",
    summary="a folder for each class, or such folders in train/, val/ and test/",
    parts="`train/`, `val/` and `test/` by any of their names, if they are there",
    accepts=lambda place: place.is_folder,
    files=lambda path: [path],
    read=_read,
    listed=_list,
    of_files=True,
)
