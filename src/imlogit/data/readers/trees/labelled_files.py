"""Images in a folder whose labels stand elsewhere: in a table beside them, or in their names."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

from imlogit.data.formats.csv_lines import BadRowError, Lines, separator_of, split_line
from imlogit.data.formats.members import Member, MemberError
from imlogit.data.formats.packed_text import TextStream, open_text, text_in
from imlogit.data.images.decode_many import Encoded
from imlogit.data.problems import BadItem
from imlogit.data.readers.listing import Item
from imlogit.data.readers.parts import TEST, TRAIN, VALIDATION, Parts, part_of
from imlogit.data.readers.source import labels_path
from imlogit.data.readers.tables.header import (
    LABEL_NAMES,
    SPLIT_NAMES,
    compared,
    position_of,
)
from imlogit.data.readers.trees.image_files import PartFiles
from imlogit.data.readers.trees.tree import Tree, images_below
from imlogit.data.reading import Reading
from imlogit.data.remarks import remark
from imlogit.errors import DataError, ParameterError
from imlogit.system.text import first_of, printable

ENDINGS = (".csv", ".tsv", ".txt")
MOST_LINE_BYTES = 1 << 16
# The column that names files is told by so many rows.
LOOKED_AT = 50


class LabelRow(NamedTuple):
    """A line of a table of labels."""

    number: int
    cells: list[str]


class LabelColumns(NamedTuple):
    """Which fields of a row are the file, its class and, where that is said, its part."""

    file: int
    label: int
    part: int | None


def labelled_files(tree: Tree, path: Path, reading: Reading) -> Parts[PartFiles]:
    """Return the images of a tree, with the labels that a table or their names give them.

    Parameters
    ----------
    tree : Tree
    path : Path
        Where it is; in a folder the table may lie.
    reading : Reading

    Raises
    ------
    DataError
        For a table that does not name these files, and names in which there is no label.
    """
    found = images_below(tree)
    if not found:
        raise DataError(f"{printable(tree.where(''))}: there is no image below this folder.")
    if reading.labels is not None:
        return _by_table(tree, path, found, reading)
    return _by_names(tree, found, str(reading.label_from))


def hint_of_labels(tree: Tree, folder: str) -> str:
    """Return what else can say which class images are of: a table that lies beside them, say."""
    tables = sorted(name for name in tree.names(folder) if name.lower().endswith(ENDINGS[:2]))
    table = tables[0] if tables else "FILE.csv"
    return (
        f"or say where the labels are: in a table, labels='{printable(table)}', or in the names of "
        "the files, label_from='PATTERN'"
    )


def _by_names(tree: Tree, found: Sequence[Item], pattern: str) -> Parts[PartFiles]:
    label_in = _label_in(pattern)
    labels = [label_in(item.name.rpartition("/")[2]) for item in found]
    # a folder in which no name has a class holds images without labels
    tops = [item.name.rpartition("/")[0].partition("/")[0] for item in found]
    labelled = {top for top, label in zip(tops, labels, strict=True) if label is not None}
    without = set(tops) - labelled - {""} if labelled else set()
    if without:
        remark(
            f"{printable(tree.name(''))}: {first_of(sorted(without))} has no name that matches "
            f"label_from={pattern!r}, and is left out: images without labels are for "
            "`imlogit predict`"
        )
    parts: dict[str, PartFiles] = defaultdict(PartFiles)
    kinds = _kinds_by_folder(found)
    for item, kind, label, top in zip(found, kinds, labels, tops, strict=True):
        if top in without:
            continue
        part, where = parts[kind], printable(item.name)
        if item.problem is not None or label is None:
            problem = item.problem or f"its name has no match of label_from={pattern!r}"
            part.problems.append(BadItem(where, problem))
            continue
        part.files.append(Encoded(where, tree.content(item.name)))
        part.classes.append(label)
    return _as_parts(parts)


def _label_in(pattern: str) -> Callable[[str], str | None]:
    """Return what finds the class in a file's name."""
    if len(pattern) == 1 and not pattern.isalnum():

        def before(name: str) -> str | None:
            return name.rpartition(".")[0].rpartition(pattern)[0] or None

        return before
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ParameterError(
            f"label_from={pattern!r} is no regular expression: {error}.", parameter="label_from"
        ) from None

    def matched(name: str) -> str | None:
        match = compiled.search(name)
        return None if match is None else match[min(1, compiled.groups)] or None

    return matched


def _by_table(tree: Tree, home: Path, found: Sequence[Item], reading: Reading) -> Parts[PartFiles]:
    table = _table(tree, home, str(reading.labels))
    source = printable(Path(reading.labels or "").name)
    index = _index(found)
    columns, rows = _columns(list(_rows(table, source)), index, source, reading)
    parts: dict[str, PartFiles] = defaultdict(PartFiles)
    kinds = _kinds_by_folder(found)
    labels: dict[int, str] = {}
    for row in rows:
        where = f"{source}, line {row.number}"
        try:
            place, label = _place_of(row, columns, index)
            if place in labels:  # a file that is named twice counts once
                if labels[place] == label:
                    continue
                raise BadRowError(f"{found[place].name} is {labels[place]} in a line before")
            labels[place] = label
            kind = kinds[place] if columns.part is None else _kind(row.cells[columns.part])
        except BadRowError as bad:
            parts[TRAIN].problems.append(BadItem(where, printable(str(bad))))
            continue
        item = found[place]
        if item.problem is not None:
            parts[kind].problems.append(BadItem(printable(item.name), item.problem))
            continue
        parts[kind].files.append(Encoded(printable(item.name), tree.content(item.name)))
        parts[kind].classes.append(label)
    left = [item.name for place, item in enumerate(found) if place not in labels]
    if left:
        remark(
            f"{printable(tree.name(''))}: {len(left):,} images have no label in {source} and were "
            f"left out: {first_of(left, 3)}; images without labels are for `imlogit predict`"
        )
    return _as_parts(parts)


def _table(tree: Tree, home: Path, labels: str) -> Path | bytes:
    """Return where a table of labels is, or what it holds where it is within an archive."""
    path = labels_path(home, labels)
    if path.exists() or not any(item.name == labels for item in tree.files_below("")):
        return path
    content = tree.content(labels)
    if isinstance(content, str):
        return Path(content)
    try:
        return content.read() if isinstance(content, Member) else content
    except MemberError as error:
        raise DataError(
            f"{printable(labels)} in {printable(home.name)}: {error}.", parameter="labels"
        ) from None


def _rows(table: Path | bytes, source: str) -> Iterator[LabelRow]:
    """Yield the rows of a table, its header among them."""
    if isinstance(table, bytes):
        opened: AbstractContextManager[TextStream] = nullcontext(text_in(table))
    else:
        opened = open_text(table, source, ENDINGS)
    with opened as stream:
        lines = Lines(stream)
        separator = None
        try:
            while (line := lines.take(MOST_LINE_BYTES)) is not None:
                separator = separator or separator_of(line)
                cells = [cell.decode("utf-8", "replace") for cell in split_line(line, separator)]
                yield LabelRow(lines.number, [cell.strip() for cell in cells])
        except (BadRowError, csv.Error) as error:
            raise DataError(f"{source}: line {lines.number} {error}.") from None


def _index(found: Sequence[Item]) -> dict[str, int | None]:
    """Return where each file is, by its path, its name, and its name without ending.

    None where several have one name.
    """
    index: dict[str, int | None] = {}
    by_path = {item.name: place for place, item in enumerate(found)}
    for item, place in zip(found, by_path.values(), strict=True):
        name = item.name.rpartition("/")[2]
        for key in {name, name.rpartition(".")[0]} - {item.name}:
            index[key] = None if key in index else place
    return index | by_path


def _columns(
    rows: Sequence[LabelRow], index: dict[str, int | None], source: str, reading: Reading
) -> tuple[LabelColumns, Sequence[LabelRow]]:
    """Return the columns, and the rows under the header."""
    width = max((len(row.cells) for row in rows), default=0)
    if width < 2:
        raise DataError(f"{source} is no table of files and classes: it has {width} columns.")
    looked_at = rows[: LOOKED_AT + 1]
    matches = [
        sum(len(row.cells) > k and row.cells[k] in index for row in looked_at) for k in range(width)
    ]
    file = max(range(width), key=lambda k: matches[k])
    if not matches[file]:
        raise DataError(
            f"{source} names no file below the folder: its rows are such as "
            f"{printable(', '.join(rows[-1].cells[:4]))}."
        )
    has_header = rows[0].cells[file : file + 1] == [] or rows[0].cells[file] not in index
    names = rows[0].cells if has_header else [""] * width
    part = next((k for k in range(width) if SPLIT_NAMES.fullmatch(compared(names[k]))), None)
    label = _label_column(names, file, part, source, reading)
    return LabelColumns(file, label, part), rows[1:] if has_header else rows


def _label_column(
    names: Sequence[str], file: int, part: int | None, source: str, reading: Reading
) -> int:
    others = [k for k in range(len(names)) if k not in (file, part)]
    chosen = reading.label_column
    if chosen is not None:
        if str(chosen) in names:
            return names.index(str(chosen))
        place = position_of(chosen, len(names))
        if place is not None:
            return place
        raise DataError(
            f"{source} has no column {chosen!r}; its columns are {first_of(names)}.",
            parameter="label_column",
        )
    called = [k for k in others if LABEL_NAMES.fullmatch(compared(names[k]))]
    if len(called) == 1 or len(others) == 1:
        return (called or others)[0]
    raise DataError(
        f"{source} has several columns beside the files': "
        f"{first_of([names[k] or str(k) for k in others])}. Say which holds the classes with "
        "label_column='NAME'.",
        parameter="label_column",
    )


def _place_of(
    row: LabelRow, columns: LabelColumns, index: dict[str, int | None]
) -> tuple[int, str]:
    """Return where the file of a row is, and its class."""
    if len(row.cells) <= max(columns.file, columns.label, columns.part or 0):
        raise BadRowError(f"has {len(row.cells)} fields")
    name, label = row.cells[columns.file], row.cells[columns.label]
    if name not in index:
        raise BadRowError(f"there is no image {name}")
    place = index[name]
    if place is None:
        raise BadRowError(f"several images are called {name}: name them by their folders, too")
    if not label:
        raise BadRowError("its label is empty")
    return place, label


def _kind(cell: str) -> str:
    kind = part_of(cell)
    if kind is None:
        raise BadRowError(f"its part is '{cell}', not train, test or validation")
    return kind


def _kinds_by_folder(found: Sequence[Item]) -> list[str]:
    """Return the part that each image is of: that of its outermost folder, if one is training."""
    kinds = [part_of(item.name.partition("/")[0]) if "/" in item.name else None for item in found]
    return [kind or TRAIN for kind in kinds] if TRAIN in kinds else [TRAIN] * len(found)


def _as_parts(parts: dict[str, PartFiles]) -> Parts[PartFiles]:
    train = parts[TRAIN]
    validation, test = (
        parts[kind] if kind in parts and (parts[kind].files or parts[kind].problems) else None
        for kind in (VALIDATION, TEST)
    )
    return Parts(train, validation, test)
