"""Facts about images and about sources, as plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from imlogit.data.cache import entries
from imlogit.data.cache.note_files import noted
from imlogit.data.image_set import ImageSet
from imlogit.data.sources import SOURCES
from imlogit.system.text import printable


def facts_of(images: ImageSet) -> dict[str, Any]:
    """Return what images are: how many, of which size and classes, with their hash."""
    return {
        "name": images.name,
        "origin": images.origin,
        "images": len(images),
        "train": images.n_train,
        "validation": images.n_validation,
        "test": len(images) - images.n_train - images.n_validation,
        "image_shape": list(images.image_shape),
        "classes": {
            name: {"images": count, "share": count / len(images)}
            for name, count in zip(images.class_names, images.counts.tolist(), strict=True)
        },
        "sha256": images.sha256,
        "fit": images.fit,
        "remarks": list(images.remarks),
        "skipped": [problem.to_dict() for problem in images.skipped],
    }


def kinds() -> list[dict[str, Any]]:
    """Return what can be read, and whether the sources with a name are kept already."""
    return [
        {"kind": row.name, "form": row.form, "what": row.summary, "kept": entries.has(row.name)}
        for row in SOURCES
    ]


def kept_sources() -> list[dict[str, Any]]:
    """Return what is kept of sources that were read: how read, how large, and when last used.

    What killed processes left beside it goes.
    """
    entries.tidy()
    return [
        {
            "source": printable(note.source),
            "kind": note.kind,
            "reading": note.reading,
            "entry": note.entry,
            "bytes": entries.size(note.entry),
            "last_used": datetime.fromtimestamp(used, UTC).isoformat(timespec="seconds"),
        }
        for note, _, used in noted()
    ]


def kept_bytes() -> int:
    """Return how many bytes are kept, of sources and of known data sets."""
    return sum(map(entries.size, {*entries.of_sources(), *(row.name for row in SOURCES)}))
