"""What a folder of packed images says of itself: its manifest, and its shards by name and hash."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imlogit.data.problems import BadItem
from imlogit.data.reading import FITS
from imlogit.errors import DataError
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular
from imlogit.system.text import printable, reason

MANIFEST = "imlogit-pack.json"
FORMAT, VERSION = "imlogit packed images", 1
PARTS = ("train", "validation", "test")
# A million shards, each of some 300 letters.
MOST_BYTES = 1 << 28
ADVICE = "Pack the source again, into another folder"
_NAME = re.compile(r"(train|validation|test)-\d{5,9}")
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class PackedShard:
    """Some images of one part.

    Attributes
    ----------
    name : str
        ``train-00000`` and so on: what its files are called, before `suffixes`.
    rows : int
    sha256 : dict of str
        The SHA-256 of each of its files, by what it holds: images, labels and, where images have
        them, names.
    """

    name: str
    rows: int
    sha256: dict[str, str]

    @property
    def part(self) -> str:
        """The part that its images belong to."""
        return self.name.partition("-")[0]

    def path(self, folder: Path, what: str) -> Path:
        """Return where one of its files is."""
        return folder / shard_file(self.name, what)


def shard_file(shard: str, what: str) -> str:
    """Return what the file of a shard with its images, labels or names is called."""
    return f"{shard}.{what}.npy"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a folder of packed images holds.

    Attributes
    ----------
    name, origin, class_names, fit, of_digits, remarks, skipped, copies
        As in `ImageSet`.
    image_shape : tuple of int
    sha256 : str
        Of all pixels, one image after another.
    shards : tuple of PackedShard
        In the order of the images.
    """

    name: str
    origin: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    sha256: str
    shards: tuple[PackedShard, ...]
    fit: str | None = None
    of_digits: bool = False
    remarks: tuple[str, ...] = ()
    skipped: tuple[BadItem, ...] = ()
    copies: int = 0

    def rows(self, part: str) -> int:
        """Return how many images a part has."""
        return sum(shard.rows for shard in self.shards if shard.part == part)

    def to_bytes(self) -> bytes:
        """Return it as JSON, the same bytes for the same content."""
        head = {"format": FORMAT, "version": VERSION}
        rows = {part: self.rows(part) for part in PARTS}
        text = json.dumps(head | {"rows": rows} | asdict(self), indent=1)
        return f"{text}\n".encode()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a folder.

        Raises
        ------
        DataError
            If it is damaged, or of a later version.
        """
        where = printable(folder / MANIFEST)
        try:
            found = parse(read_regular(folder / MANIFEST, MOST_BYTES))
            if found["format"] == FORMAT and found["version"] != VERSION:
                raise DataError(
                    f"{where} is of version {printable(str(found['version']))[:20]}, and this "
                    f"imlogit reads version {VERSION}. Update imlogit."
                )
            return _checked(found)
        except DataError:
            raise
        except Exception as error:  # JSON of a stranger can be wrong anywhere
            raise DataError(
                f"{where} is damaged ({printable(reason(error))}). {ADVICE}."
            ) from error


def _checked(found: dict[str, Any]) -> Manifest:
    """Return what JSON says, if it is a manifest's.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
    """
    _demand(found["format"] == FORMAT, "it is of another format")
    shards = tuple(_shard(one) for one in found["shards"])
    names = [shard.name for shard in shards]
    _demand(names == sorted(set(names), key=_place), "its shards are not in order")
    made = Manifest(
        name=_text(found["name"]),
        origin=_text(found["origin"]),
        class_names=tuple(map(_text, found["class_names"])),
        image_shape=tuple(map(_count, found["image_shape"])),
        sha256=_hash(found["sha256"]),
        shards=shards,
        fit=found["fit"],
        of_digits=found["of_digits"],
        remarks=tuple(map(_text, found["remarks"])),
        skipped=tuple(BadItem(_text(one["where"]), _text(one["what"])) for one in found["skipped"]),
        copies=_count(found["copies"], least=0),
    )
    _demand(made.fit in (None, *FITS) and type(made.of_digits) is bool, "fit or of_digits")
    _demand(len(made.image_shape) in (2, 3), "images of another shape")
    rows = {part: made.rows(part) for part in PARTS}
    _demand(found["rows"] == rows and rows["train"] > 0, "its rows do not add up")
    return made


def _shard(found: dict[str, Any]) -> PackedShard:
    name, sha256 = _text(found["name"]), found["sha256"]
    _demand(_NAME.fullmatch(name) is not None, "the name of a shard")
    _demand({"images", "labels"} <= set(sha256) <= {"images", "labels", "names"}, "files")
    return PackedShard(name, _count(found["rows"]), {what: _hash(sha256[what]) for what in sha256})


def _place(name: str) -> tuple[int, int]:
    part, _, number = name.partition("-")
    return PARTS.index(part), int(number)


def _text(value: Any) -> str:
    _demand(isinstance(value, str), "a text")
    return str(value)


def _count(value: Any, least: int = 1) -> int:
    _demand(type(value) is int and value >= least, "a number")
    return int(value)


def _hash(value: Any) -> str:
    _demand(isinstance(value, str) and _HASH.fullmatch(value) is not None, "a SHA-256")
    return str(value)


def _demand(good: bool, what: str) -> None:
    if not good:
        raise ValueError(what)
