"""Models that leave the house: other formats, each proved by running what was written.

A format is one file with a `Format` and one row in `table.FORMATS`. Its file takes images (or
features) and gives the probabilities of all classes and the index of the label; it needs nothing
of imlogit. imlogit writes these formats and never loads them as models.
"""
