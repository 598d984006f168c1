"""Files of labelled images that are not read: what they are, and how they become .npz."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePath
from typing import NamedTuple

from imlogit.data.formats.magic import LOOKED_AT, kind_of
from imlogit.system.regular_file import open_regular
from imlogit.system.text import printable

HDF5, MATLAB, PICKLE = "an HDF5 file", "a MATLAB file", "a pickle"
PYTORCH, TFRECORD, CIFAR = "a PyTorch file", "a TFRecord file", "a file of CIFAR's binary version"
# Where the first bytes say less, or nothing.
OF_ENDINGS = {
    ".h5": HDF5,
    ".hdf5": HDF5,
    ".mat": MATLAB,
    ".pkl": PICKLE,
    ".pickle": PICKLE,
    ".pt": PYTORCH,
    ".pth": PYTORCH,
    ".tfrecord": TFRECORD,
    ".tfrecords": TFRECORD,
    ".bin": CIFAR,
}
UNPACK = "Unpack it, and give the file or the folder that was in it"
OTHERS = {
    TFRECORD: (
        "Read it with tf.data.TFRecordDataset, and give images and labels to "
        "imlogit.ImageSet.from_tf_dataset"
    ),
    CIFAR: "Give the folder in which all of its files lie, such as cifar-10-batches-bin",
}


class Code(NamedTuple):
    """What loads a file as `d`, and the images and labels in it, as they are mostly called."""

    load: str
    images: str
    labels: str
    runs_code: bool = False


CODE = {
    HDF5: Code("import h5py; d = h5py.File({!r})", "d['train_set_x'][:]", "d['train_set_y'][:]"),
    MATLAB: Code("import scipy.io; d = scipy.io.loadmat({!r})", "d['X']", "d['y'].ravel()"),
    PICKLE: Code(
        "import pickle; d = pickle.load(open({!r}, 'rb'), encoding='latin1')",
        "d['data'].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)",
        "d['labels']",
        runs_code=True,
    ),
    PYTORCH: Code(
        "import torch; d = torch.load({!r}, weights_only=True)",
        "d[0].numpy()",
        "d[1].numpy()",
        runs_code=True,
    ),
}


def conversion_of(path: str | os.PathLike[str]) -> str | None:
    """Return what a file is and how it becomes one that is read; None where that is not known."""
    try:
        with open_regular(path) as (file, _):
            kind = kind_of(file.read(LOOKED_AT + 8))
    except OSError:
        return None
    by_bytes, by_name = kind and kind.words, OF_ENDINGS.get(PurePath(path).suffix.lower())
    # those of PyTorch are ZIP archives or pickles inside
    words = by_bytes if by_bytes in CODE and by_name != PYTORCH else by_name or by_bytes
    if words is None:
        return None
    advice = how_to_convert(path, words) or (kind.advice if kind else "")
    if words.endswith("archive"):
        advice = UNPACK
    if not advice:
        return None
    # code is copied, with whatever stands at its end
    stop = "" if words in CODE else "."
    return f"{printable(path)} is {words}. {advice[:1].upper()}{advice[1:]}{stop}"


def conversion_in(folder: Path) -> str | None:
    """Return, as `conversion_of`, how the largest of the files in a folder is converted."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.stat(), entry.path) for entry in entries]
    except OSError:
        return None
    sizes = [(state.st_size, path) for state, path in found if stat.S_ISREG(state.st_mode)]
    return conversion_of(max(sizes)[1]) if sizes else None


def how_to_convert(path: str | os.PathLike[str], words: str) -> str:
    """Return how a file becomes one that is read, without a full stop; or nothing.

    Parameters
    ----------
    path : str or os.PathLike
    words : str
        What it is.
    """
    if words not in CODE:
        return OTHERS.get(words, "")
    code, file = CODE[words], PurePath(printable(path))
    make = "make a .npz of it in Python (the arrays may have other names)"
    if code.runs_code:
        make = f"it is never unpickled here, as that can run any code. Where you trust it, {make}"
    return (
        f"{make}: import numpy as np; {code.load.format(file.name)}; "
        f"np.savez({file.with_suffix('.npz').name!r}, x_train={code.images}, y_train={code.labels})"
    )
