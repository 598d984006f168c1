"""How much is kept of sources: ``$IMLOGIT_CACHE_LIMIT``, and what goes when there is more."""

from __future__ import annotations

import os
import warnings

from imlogit.data.cache import entries
from imlogit.data.cache.note_files import noted, remove_note
from imlogit.data.image_set import ImageSet
from imlogit.errors import ParameterError
from imlogit.system.text import bytes_in_words, parse_bytes

VARIABLE = "IMLOGIT_CACHE_LIMIT"
DEFAULT = "20GB"


def cache_limit() -> int:
    """Return how many bytes may be kept of sources; 0 where nothing is to be kept.

    Raises
    ------
    ParameterError
        If ``IMLOGIT_CACHE_LIMIT`` is no size.
    """
    said = os.environ.get(VARIABLE, "").strip() or DEFAULT
    try:
        return parse_bytes(said, least=0)
    except ValueError:
        raise ParameterError(
            f"{VARIABLE}={said!r} is no size: set it to bytes, or to a text such as '20GB' or "
            "'500MB'; 0 keeps nothing."
        ) from None


def fits_or_warn(images: ImageSet, limit: int) -> bool:
    """Whether images may be kept at all; where nothing is to be kept there is nothing to say.

    Warns
    -----
    UserWarning
        If they alone take more than the limit.
    """
    return rows_fit_or_warn(f"{images.name} is", images.images.nbytes + 8 * len(images), limit)


def rows_fit_or_warn(what: str, wanted: int, limit: int) -> bool:
    """Whether so many bytes may be kept at all; ``what`` begins the sentence, as in "x is".

    Warns
    -----
    UserWarning
        If they take more than the limit.
    """
    if limit and wanted > limit:
        size, most = bytes_in_words(wanted), bytes_in_words(limit)
        warnings.warn(
            f"{what} not kept in the cache folder, and will be made anew each time: {size} are "
            f"more than the {most} that may be kept in all. Set {VARIABLE} to more, as in '100GB'.",
            UserWarning,
            stacklevel=6,
        )
    return wanted <= limit


def make_room(limit: int, spared: str) -> None:
    """Remove entries of sources, the least recently used first, until all take no more than this.

    Parameters
    ----------
    limit : int
        In bytes.
    spared : str
        An entry that is not removed: the newest.
    """
    sizes = {name: entries.size(name) for name in entries.of_sources()}
    total = sum(sizes.values())
    if total <= limit:
        return
    used = {name: entries.written(name) for name in sizes}
    keys: dict[str, list[str]] = {name: [] for name in sizes}
    for note, key, when in noted():
        if note.entry in used:
            known = keys[note.entry]
            used[note.entry] = max(used[note.entry], when) if known else when
            known.append(key)
    for name in sorted(sizes, key=used.__getitem__):
        if total <= limit:
            break
        if name != spared:
            for key in keys[name]:
                remove_note(key)
            total -= sizes[name] if entries.remove(name) else 0
