"""The same numbers as arrays of every kind: types, layouts, memory maps."""

import numpy as np


def bfloat16(x):
    """Cast to bfloat16, whose type NumPy has from elsewhere."""
    return x.astype("bfloat16")


def strided(x):
    """Every second column of an array with others between."""
    wide = np.zeros((x.shape[0], 2 * x.shape[1]), dtype=x.dtype)
    wide[:, ::2] = x
    return wide[:, ::2]


def mapped(x, folder, name="features.npy"):
    """A memory map of a file of its own."""
    np.save(folder / name, x)
    return np.load(folder / name, mmap_mode="r")


# By name: how numbers that float16 and bfloat16 hold exactly become an array of the kind.
KINDS = {
    "float64": lambda x, _: x,
    "float32": lambda x, _: x.astype(np.float32),
    "float16": lambda x, _: x.astype(np.float16),
    "big-endian": lambda x, _: x.astype(">f4"),
    "Fortran": lambda x, _: np.asfortranarray(x.astype(np.float32)),
    "Fortran float64": lambda x, _: np.asfortranarray(x),
    "strided": lambda x, _: strided(x),
    "reversed": lambda x, _: x[:, ::-1].copy()[:, ::-1],
    "mapped": lambda x, folder: mapped(x.astype(np.float32), folder),
    "mapped float16": lambda x, folder: mapped(x.astype(np.float16), folder),
    "mapped Fortran": lambda x, folder: mapped(np.asfortranarray(x), folder),
    "mapped part": lambda x, folder: mapped(np.repeat(x, 2, axis=0), folder)[::2],
}
