"""Images with their labels, from disk, from a package or from the network.

Everything that brings images ends in one value, :class:`~imlogit.data.image_set.ImageSet`. To add
a source of data: one file in ``readers``, and one row in the table of :mod:`imlogit.data.sources`.
"""
