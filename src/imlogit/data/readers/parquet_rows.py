"""What lies in Parquet files: their columns, and an encoded image and a label in each row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from imlogit.errors import DataError
from imlogit.system.extras import need
from imlogit.system.regular_file import UnfitFileError, open_regular
from imlogit.system.text import first_of, printable, reason

IMAGE_COLUMNS, LABEL = ("image", "img"), "label"
NO_LABEL = -1  # so Hugging Face marks the rows of a test part whose labels are kept back
BATCH_ROWS = 64
# An image takes tens of bytes; a column in which the same few come again and again takes less.
ROWS_PER_BYTE = 1000
EXPECTED = (
    "a column image (or img) of struct<bytes: binary, path: string> and a column label of integers "
    "or strings, as Hugging Face data sets have them"
)
TYPE_LENGTH = 60


class Layout(NamedTuple):
    """What the shards of a source have in common.

    Attributes
    ----------
    image : str
        The column of the images.
    of_text : bool
        Whether the labels are strings.
    names : tuple of str, optional
        The classes that integer labels count.
    """

    image: str
    of_text: bool
    names: tuple[str, ...] | None


class Shard(NamedTuple):
    """A file, and how many rows it says that it holds."""

    path: Path
    n_rows: int


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file; whatever its bytes make pyarrow raise becomes one error that names it."""
    parquet = need("pyarrow.parquet", "parquet", "Reading parquet files")
    try:
        with open_regular(path) as (raw, _):  # by Python: pyarrow takes no name that is no text
            yield parquet.ParquetFile(raw, pre_buffer=False, page_checksum_verification=True)
    except DataError:
        raise
    except UnfitFileError as error:
        raise DataError(f"{printable(path)} cannot be read ({error}).") from None
    except Exception as error:  # a parser of hostile bytes raises some ten kinds
        raise DataError(
            f"{printable(path)} cannot be read as Parquet: {printable(reason(error))}. Copy or "
            "download it again."
        ) from error


def inspect_files(paths: Sequence[Path]) -> tuple[Layout, list[Shard]]:
    """Return what the files have in common, and their lengths, without reading a row."""
    layouts, shards = [], []
    for path in paths:
        with _opened(path) as file:
            layouts.append(_layout(file.schema_arrow, path))
            shards.append(Shard(path, _plausible(file.metadata.num_rows, path)))
        if layouts[-1] != layouts[0]:
            raise DataError(
                f"{printable(path)} differs from {printable(paths[0].name)} in "
                f"{_difference(layouts)}: they are not of one data set. Put those that are into a "
                "folder of their own."
            )
    return layouts[0], shards


def _plausible(n_rows: int, path: Path) -> int:
    """Refuse a number of rows for which memory would be set aside in vain."""
    size = path.stat().st_size
    if not 0 <= n_rows <= size * ROWS_PER_BYTE:
        raise DataError(
            f"{printable(path)} declares {n_rows:,} images, more than its {size:,} bytes can hold: "
            "it is damaged. Copy or download it again."
        )
    return n_rows


def _layout(schema: Any, path: Path) -> Layout:
    types = need("pyarrow.types", "parquet", "Reading parquet files")
    image = next((name for name in IMAGE_COLUMNS if _is_of_images(schema, name, types)), None)
    label = _type_of(schema, LABEL)
    if label is not None and types.is_dictionary(label):
        label = label.value_type
    of_text = label is not None and (types.is_string(label) or types.is_large_string(label))
    if image is None or label is None or not (of_text or types.is_integer(label)):
        raise DataError(
            f"{printable(path)} has the columns {_columns(schema)}; expected is {EXPECTED}. Rename "
            "or convert them."
        )
    return Layout(image, of_text, None if of_text else _class_names(schema, path))


def _type_of(fields: Any, name: str) -> Any:
    """Return the type of the one field of this name in a schema or struct, or None."""
    place = fields.get_field_index(name)
    return None if place < 0 else fields.field(place).type


def _is_of_images(schema: Any, name: str, types: Any) -> bool:
    column = _type_of(schema, name)
    content = _type_of(column, "bytes") if column is not None and types.is_struct(column) else None
    return content is not None and (types.is_binary(content) or types.is_large_binary(content))


def _columns(schema: Any) -> str:
    cut = [f"{field.name[:TYPE_LENGTH]} ({str(field.type)[:TYPE_LENGTH]})" for field in schema]
    return first_of(cut)


def _class_names(schema: Any, path: Path) -> tuple[str, ...] | None:
    """Return what integer labels mean, from what Hugging Face writes beside the schema."""
    written = (schema.metadata or {}).get(b"huggingface", b"null")
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        raise DataError(
            f"{printable(path)}: what 'huggingface' says in its metadata is no JSON. Copy or "
            "download it again."
        ) from None
    for key in ("info", "features", LABEL, "names"):
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        return None
    texts = isinstance(found, list) and all(isinstance(name, str) for name in found)
    if not found or not texts or len(set(found)) < len(found):
        raise DataError(
            f"{printable(path)}: the class names in its metadata must be texts, at least one, and "
            "all different. Write the file anew."
        )
    return tuple(found)


def _difference(layouts: Sequence[Layout]) -> str:
    what = ("the column of images", "the type of labels", "the class names")
    pairs = zip(what, layouts[0], layouts[-1], strict=True)
    return " and ".join(words for words, first, last in pairs if first != last)


def read_cells(shard: Shard, layout: Layout) -> Iterator[tuple[Any, Any]]:
    """Yield an image, as a dictionary, and a label from each row."""
    done = 0
    with _opened(shard.path) as file:
        columns = [layout.image, LABEL]
        # a few rows at a time: the images of a whole file may not fit in memory
        for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
            batch.validate(full=True)  # offsets that lie would lead anywhere
            done += batch.num_rows
            if done > shard.n_rows:
                break
            yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    if done != shard.n_rows:
        raise DataError(
            f"{printable(shard.path)} declares {shard.n_rows:,} rows, but holds "
            f"{'more' if done > shard.n_rows else f'only {done:,}'}. Copy or download it again."
        )


def fault_of(image: Any, label: Any, names: tuple[str, ...] | None) -> str | None:
    """Return what is wrong with a row, or None."""
    if image is None or image["bytes"] is None:
        only_path = image is not None and image.get("path")
        return "holds only a path, not the image itself" if only_path else "has no image"
    if label is None or label == "":
        return "has no label"
    if names is None or 0 <= label < len(names):
        return None
    return (
        f"has no label ({NO_LABEL})"
        if label == NO_LABEL
        else f"the label {label} is none of 0 to {len(names) - 1}"
    )
