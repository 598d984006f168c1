"""Images with their labels, from disk, from a package or from the network.

Everything that brings images ends in one value, :class:`ImageSet`. To add a source of data: one
file, and one row in the table of :mod:`imlogit.data.sources`.
"""

from imlogit.data.image_set import ImageSet, Part
from imlogit.data.reading import Reading
from imlogit.data.sources import SOURCES, Source, load, read
from imlogit.data.split import Split, split

__all__ = ["SOURCES", "ImageSet", "Part", "Reading", "Source", "Split", "load", "read", "split"]
