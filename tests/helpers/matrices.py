"""A matrix of another kind than an array in memory."""

import numpy as np

from imlogit.engines.matrix import Matrix


class Halves(Matrix):
    """Rows kept as float16, and cast to float32 where they are read."""

    def __init__(self, array):
        self.halves = array.astype(np.float16)
        self.shape, self.dtype = array.shape, np.dtype(np.float32)

    def block(self, start, stop):
        return self.halves[start:stop].astype(self.dtype)

    def take(self, rows):
        return self.halves[rows].astype(self.dtype)

    def whole(self):
        return self.block(0, len(self))
