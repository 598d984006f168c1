"""The layouts of `benchmarks.layouts`: the same images, written as people find them.

Each writer is given the set and a folder, and returns where the source is, the options with which
it is read, and which of the parts and names survive. Classes are "cat", "dog", "eel" and "fox";
layouts that know numbers only have 0 to 3.
"""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "eel", "fox")
N_TRAIN, N_VALIDATION, N_TEST = 120, 40, 40
SIDE = 28


@dataclass(frozen=True)
class Pictures:
    """The images of all layouts: grey, of one size, in the order training, validation, test."""

    images: Any
    labels: Any

    @classmethod
    def make(cls) -> Pictures:
        """Make them from a seed: noise in which each class has a brightness of its own."""
        rng = np.random.default_rng(0)
        n = N_TRAIN + N_VALIDATION + N_TEST
        labels = np.arange(n) % len(CLASSES)
        images = rng.integers(0, 120, (n, SIDE, SIDE)) + 30 * labels[:, None, None]
        return cls(images.astype(np.uint8), labels)

    def part(self, number: int) -> str:
        """Return the part of an image."""
        if number < N_TRAIN:
            return "train"
        return "val" if number < N_TRAIN + N_VALIDATION else "test"


@dataclass(frozen=True)
class Written:
    """A layout on disk, and what reading it is to give.

    Attributes
    ----------
    source : Path
    options : dict
        With which it is read.
    parts : dict of str to str
        What becomes of "train", "val" and "test": the part, or "" where those are not read.
    named : bool
        Whether images keep the names of their files.
    refused : str
        What the one line says with which it is refused; then nothing else counts.
    change : callable
        What the images become on the way, such as colour.
    """

    source: Path
    options: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=lambda: ALL_TRAINING)
    named: bool = False
    refused: str = ""
    change: Callable[[Any], Any] = lambda images: images


ALL_TRAINING = dict.fromkeys(("train", "val", "test"), "train")
THREE = {"train": "train", "val": "val", "test": "test"}
TWO = {"train": "train", "val": "train", "test": "test"}
UNLABELLED = {"train": "train", "val": "train", "test": ""}
Writer = Callable[[Pictures, Path], Written]
LAYOUTS: dict[str, Writer] = {}


def layout(name: str) -> Callable[[Writer], Writer]:
    """Add a writer to the layouts."""

    def add(writer: Writer) -> Writer:
        LAYOUTS[name] = writer
        return writer

    return add


def encoded(image: Any, form: str = "PNG", **how: Any) -> bytes:
    """Return an image as the bytes of a file, without loss."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, form, **how)
    return out.getvalue()


def put(path: Path, content: bytes) -> None:
    """Write a file into folders that are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def folders(
    pictures: Pictures, root: Path, place: str, form: str = "PNG", ending: str = ".png"
) -> None:
    """Write every image to ``place``, in which {part}, {name} and {number} stand for its own."""
    for number, (image, label) in enumerate(zip(pictures.images, pictures.labels, strict=True)):
        where = place.format(part=pictures.part(number), name=CLASSES[label], number=number)
        put(root / f"{where}{ending}", encoded(image, form))


def of_folders(place: str, parts: dict[str, str], **how: Any) -> Writer:
    """Return a writer of class folders."""

    def write(pictures: Pictures, root: Path) -> Written:
        folders(pictures, root / "pets", place, **how)
        return Written(root / "pets", parts=parts, named=True)

    return write


def of_renamed(names: dict[str, str], parts: dict[str, str], inside: str = "") -> Writer:
    """Return a writer of class folders whose parts have other names."""

    def write(pictures: Pictures, root: Path) -> Written:
        folders(pictures, root / "pets", f"{{part}}/{inside}{{name}}/{{number}}")
        for old, new in names.items():
            (root / "pets" / old).rename(root / "pets" / f"{new}~")
        for new in names.values():
            (root / "pets" / f"{new}~").rename(root / "pets" / new)
        return Written(root / "pets", parts=parts, named=True)

    return write


LAYOUTS |= {
    "torchvision ImageFolder": of_folders("{name}/{number}", ALL_TRAINING),
    "fastai train, valid, test": of_renamed({"val": "valid"}, THREE),
    "train, val, test": of_renamed({}, THREE),
    "training, validation, testing": of_renamed(
        {"train": "training", "val": "validation", "test": "testing"}, THREE
    ),
    "Train, Valid, Test": of_renamed({"train": "Train", "val": "Valid", "test": "Test"}, THREE),
    "train, dev, test": of_renamed({"val": "dev"}, THREE),
    "training_set, val_set, test_set": of_renamed(
        {"train": "training_set", "val": "val_set", "test": "test_set"}, THREE
    ),
    "seg_train, seg_val, seg_test": of_renamed(
        {"train": "seg_train", "val": "seg_val", "test": "seg_test"}, THREE
    ),
    "a folder within each part": of_renamed({}, THREE, inside="images/"),
    "a folder around": of_folders("pets/{name}/{number}", ALL_TRAINING),
    "folders around the parts": of_folders("a/b/{part}/{name}/{number}", THREE),
    "subfolders in classes": of_folders("{name}/{part}/{number}", ALL_TRAINING),
    "BMP files": of_folders("{name}/{number}", ALL_TRAINING, form="BMP", ending=".bmp"),
    "GIF files": of_folders("{name}/{number}", ALL_TRAINING, form="GIF", ending=".gif"),
    "TIFF files": of_folders("{name}/{number}", ALL_TRAINING, form="TIFF", ending=".tif"),
    "files without endings": of_folders("{name}/{number}", ALL_TRAINING, ending=""),
    "PNG named .jpg": of_folders("{name}/{number}", ALL_TRAINING, ending=".jpg"),
    "PNG named .TIFF": of_folders("{name}/{number}", ALL_TRAINING, ending=".TIFF"),
}


@layout("train and val alone")
def train_and_val(pictures: Pictures, root: Path) -> Written:
    """Keras's tutorials: the validation part is the test part."""
    folders(pictures, root / "pets", "{part}/{name}/{number}")
    shutil.rmtree(root / "pets" / "test")
    return Written(root / "pets", parts={"train": "train", "val": "test", "test": ""}, named=True)


@layout("mnist_png")
def mnist_png(pictures: Pictures, root: Path) -> Written:
    """training/ and testing/, classes that are numbers."""
    for number, (image, label) in enumerate(zip(pictures.images, pictures.labels, strict=True)):
        part = "testing" if pictures.part(number) == "test" else "training"
        put(root / "mnist_png" / part / str(label) / f"{number}.png", encoded(image))
    return Written(root / "mnist_png", parts=TWO, named=True)


@layout("groups of classes")
def groups(pictures: Pictures, root: Path) -> Written:
    """furry/cat, furry/dog, others/eel, others/fox."""
    folders(pictures, root / "pets", "{name}/{number}")
    for name in CLASSES:
        group = "furry" if name in ("cat", "dog") else "others"
        (root / "pets" / group).mkdir(exist_ok=True)
        (root / "pets" / name).rename(root / "pets" / group / name)
    return Written(root / "pets", named=True)


@layout("what systems leave behind")
def leftovers(pictures: Pictures, root: Path) -> Written:
    """Hidden files and folders among the images."""
    folders(pictures, root / "pets", "{name}/{number}")
    for name in (".DS_Store", "Thumbs.db", "__MACOSX/cat/1.png", "cat/.DS_Store", "cat/Thumbs.db"):
        put(root / "pets" / name, b"\0")
    return Written(root / "pets", named=True)


def unlabelled(inner: str) -> Writer:
    """Return a writer of a test part without labels."""

    def write(pictures: Pictures, root: Path) -> Written:
        for number, (image, label) in enumerate(zip(pictures.images, pictures.labels, strict=True)):
            test = pictures.part(number) == "test"
            place = f"test/{inner}" if test else f"train/{CLASSES[label]}/"
            put(root / "pets" / f"{place}{number}.png", encoded(image))
        return Written(root / "pets", parts=UNLABELLED, named=True)

    return write


LAYOUTS |= {
    "test without labels": unlabelled(""),
    "test/unknown": unlabelled("unknown/"),
}


def labelled(
    row: str, header: str = "", place: str = "{number}", name: str = "labels.csv", **options: Any
) -> Writer:
    """Return a writer of images with a table of labels beside them."""

    def write(pictures: Pictures, root: Path) -> Written:
        folders(pictures, root / "pets", place)
        lines = [header] if header else []
        for number, label in enumerate(pictures.labels):
            part = pictures.part(number)
            lines.append(row.format(number=number, name=CLASSES[label], part=part))
        put(root / name, "\n".join([*lines, ""]).encode())
        parts = THREE if "{part}" in row + place else ALL_TRAINING
        return Written(root / "pets", {"labels": root / name, **options}, parts, named=True)

    return write


LAYOUTS |= {
    "Kaggle: labels.csv": labelled("{number}.png,{name}", "filename,label"),
    "Kaggle: names without endings": labelled("{number},{name}", "id,breed"),
    "labels.tsv": labelled("{number}.png\t{name}", "image\tclass", name="labels.tsv"),
    "labels; without a header": labelled("{number}.png;{name}"),
    "labels with a column for the part": labelled("{number}.png,{name},{part}", "image,label,set"),
    "labels of files in folders": labelled(
        "{part}/{number}.png,{name}", "path,target", "{part}/{number}"
    ),
    "labels, the column chosen": labelled("{number},x,{name}", "id,a,b", label_column="b"),
}


def by_name(place: str, pattern: str) -> Writer:
    """Return a writer of images whose names hold their class."""

    def write(pictures: Pictures, root: Path) -> Written:
        folders(pictures, root / "pets", place)
        return Written(root / "pets", {"label_from": pattern}, named=True)

    return write


LAYOUTS |= {
    "dogs vs. cats: cat.0.png": by_name("{name}.{number}", "."),
    "cat_0.png": by_name("{name}_{number}", "_"),
    "Oxford pets by fastai's pattern": by_name("{name}_{number}", r"^(.*)_\d+.png$"),
}


@layout("images by themselves")
def loose(pictures: Pictures, root: Path) -> Written:
    """Nothing says what they are."""
    folders(pictures, root / "pets", "{number}")
    return Written(root / "pets", refused="labels='FILE.csv'")


def idx(array: Any) -> bytes:
    """Return bytes as an IDX file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def of_idx(names: str, *, zipped: bool) -> Writer:
    """Return a writer of IDX files, four in a folder."""

    def write(pictures: Pictures, root: Path) -> Written:
        test = np.array([pictures.part(k) == "test" for k in range(len(pictures.labels))])
        for part, rows in (("train", ~test), ("t10k" if "{t}" in names else "test", test)):
            for what, array in (
                ("images-idx3", pictures.images[rows]),
                ("labels-idx1", pictures.labels[rows].astype(np.uint8)),
            ):
                name = names.replace("{t}", "{part}").format(part=part, what=what)
                content = idx(array)
                put(
                    root / "idx" / (name + ".gz" * zipped),
                    gzip.compress(content) if zipped else content,
                )
        return Written(root / "idx", parts=TWO)

    return write


LAYOUTS |= {
    "MNIST: IDX": of_idx("{t}-{what}-ubyte", zipped=False),
    "Fashion-MNIST: IDX, gzipped": of_idx("{t}-{what}-ubyte", zipped=True),
    "EMNIST": of_idx("emnist-letters-{part}-{what}-ubyte", zipped=True),
}


def rows_of(pictures: Pictures, *, scale: float | None = None) -> list[list[str]]:
    """Return label and pixels of every image as texts."""
    flat = pictures.images.reshape(len(pictures.images), -1)
    texts = flat if scale is None else flat * scale
    return [
        [str(label), *(repr(float(p)) if scale else str(p) for p in row)]
        for label, row in zip(pictures.labels.tolist(), texts, strict=True)
    ]


def of_csv(
    change: Callable[[int, list[str]], Iterable[str]] = lambda number, row: row,
    header: Iterable[str] | None = ("label", *(f"pixel{k}" for k in range(SIDE**2))),
    *,
    separator: str = ",",
    name: str = "digits.csv",
    scale: float | None = None,
    parts: dict[str, str] = ALL_TRAINING,
) -> Writer:
    """Return a writer of tables with an image in a row."""

    def write(pictures: Pictures, root: Path) -> Written:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        if header is not None:
            writer.writerow(header)
        writer.writerows(change(k, row) for k, row in enumerate(rows_of(pictures, scale=scale)))
        content = text.getvalue().encode()
        if name.endswith(".gz"):
            content = gzip.compress(content)
        if name.endswith(".zip"):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("digits.csv", content)
            content = packed.getvalue()
        put(root / name, content)
        return Written(root / name, parts=parts)

    return write


PIXELS = tuple(f"pixel{k}" for k in range(SIDE**2))


def words(number: int) -> str:
    """Return the word of FER2013 for a part."""
    part = Pictures.part(None, number)  # type: ignore[arg-type]
    return {"train": "Training", "val": "Training", "test": "PublicTest"}[part]


LAYOUTS |= {
    "Kaggle: digit recognizer": of_csv(),
    "MNIST in CSV, without a header": of_csv(header=None),
    "the class last": of_csv(lambda _, row: [*row[1:], row[0]], [*PIXELS, "class"]),
    "an index column": of_csv(lambda k, row: [str(k), *row], ["", "label", *PIXELS]),
    "semicolons": of_csv(separator=";"),
    "TSV": of_csv(separator="\t", name="digits.tsv"),
    "CSV, gzipped": of_csv(name="digits.csv.gz"),
    "CSV in a zip": of_csv(name="digits.zip"),
    "CSV of pixels divided by 255": of_csv(scale=1 / 255),
    "FER2013": of_csv(
        lambda k, row: [row[0], " ".join(row[1:]), words(k)],
        ["emotion", "pixels", "Usage"],
        parts=TWO,
    ),
}


def of_arrays(names: dict[str, tuple[str, str]], ending: str) -> Writer:
    """Return a writer of NumPy's files."""

    def write(pictures: Pictures, root: Path) -> Written:
        arrays = {}
        own = np.array([pictures.part(k) for k in range(len(pictures.labels))])
        for part, (images, labels) in names.items():
            rows = (
                np.isin(own, ("train", "val"))
                if part == "train" and "val" not in names and len(names) > 1
                else np.isin(own, [part] if len(names) > 1 else [*THREE])
            )
            arrays |= {images: pictures.images[rows], labels: pictures.labels[rows]}
        parts = THREE if "val" in names else TWO if len(names) > 1 else ALL_TRAINING
        if ending == ".npz":
            np.savez(root / "pets.npz", **arrays)
            return Written(root / "pets.npz", parts=parts)
        (root / "pets").mkdir()
        for name, array in arrays.items():
            np.save(root / "pets" / f"{name}.npy", array)
        return Written(root / "pets", parts=parts)

    return write


KERAS = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}
MEDMNIST = {part: (f"{part}_images", f"{part}_labels") for part in THREE}
LAYOUTS |= {
    "Keras: x_train in .npz": of_arrays(KERAS, ".npz"),
    "MedMNIST": of_arrays(MEDMNIST, ".npz"),
    "images, labels in .npz": of_arrays({"train": ("images", "labels")}, ".npz"),
    "Keras: .npy files": of_arrays(KERAS, ".npy"),
}


@layout("Quick, Draw!")
def quick_draw(pictures: Pictures, root: Path) -> Written:
    """One .npy file a class."""
    (root / "drawings").mkdir()
    for code, name in enumerate(CLASSES):
        rows = pictures.images[pictures.labels == code]
        np.save(root / "drawings" / f"{name}.npy", rows.reshape(len(rows), -1))
    return Written(root / "drawings")


def in_colour(images: Any) -> Any:
    """Return grey images as 32 x 32 in colour: CIFAR's and SVHN's size."""
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return np.stack([padded, padded // 2, 255 - padded], axis=3)


@layout("CIFAR-10, binary")
def cifar(pictures: Pictures, root: Path) -> Written:
    """Write a byte for the label and three planes of each."""
    planes = np.moveaxis(in_colour(pictures.images), 3, 1).reshape(len(pictures.images), -1)
    rows = np.concatenate([pictures.labels[:, None].astype(np.uint8), planes], axis=1)
    folder = root / "cifar-10-batches-bin"
    put(folder / "data_batch_1.bin", rows[: N_TRAIN + N_VALIDATION].tobytes())
    put(folder / "test_batch.bin", rows[N_TRAIN + N_VALIDATION :].tobytes())
    names = [*CLASSES, *(f"unused{k}" for k in range(10 - len(CLASSES)))]
    put(folder / "batches.meta.txt", "\n".join([*names, ""]).encode())
    return Written(folder, parts=TWO, change=in_colour)


@layout("SVHN")
def svhn(pictures: Pictures, root: Path) -> Written:
    """MATLAB's files, in which 10 means 0."""
    from scipy.io import savemat

    colour = in_colour(pictures.images)
    first = N_TRAIN + N_VALIDATION
    for name, rows in (("train", slice(first)), ("test", slice(first, None))):
        y = np.where(pictures.labels[rows] == 0, 10, pictures.labels[rows]).astype(np.uint8)
        X = np.moveaxis(colour[rows], 0, 3)
        savemat(root / f"{name}_32x32.mat", {"X": X, "y": y[:, None]})
    return Written(root, parts=TWO, change=in_colour)


def of_parquet(words: dict[str, str]) -> Writer:
    """Return a writer of Hugging Face's Parquet files."""

    def write(pictures: Pictures, root: Path) -> Written:
        import pyarrow as pa
        import pyarrow.parquet as pq

        own = np.array([words[pictures.part(k)] for k in range(len(pictures.labels))])
        for word in dict.fromkeys(words.values()):
            cells = [
                {"bytes": encoded(pictures.images[k]), "path": f"{k}.png"}
                for k in np.flatnonzero(own == word)
            ]
            labels = [CLASSES[code] for code in pictures.labels[own == word]]
            table = pa.table({"image": cells, "label": labels})
            (root / "hub" / "data").mkdir(parents=True, exist_ok=True)
            pq.write_table(table, root / "hub" / "data" / f"{word}-00000-of-00001.parquet")
        parts = THREE if len(set(words.values())) > 2 else TWO
        return Written(root / "hub", parts=parts, named=True)

    return write


LAYOUTS |= {
    "Hugging Face: train, test": of_parquet({"train": "train", "val": "train", "test": "test"}),
    "Hugging Face: validation": of_parquet({"train": "train", "val": "validation", "test": "test"}),
}


def refused(name: str, content: bytes, says: str) -> Writer:
    """Return a writer of a file that is not read."""

    def write(pictures: Pictures, root: Path) -> Written:  # noqa: ARG001
        put(root / name, content)
        return Written(root / name, refused=says)

    return write


LAYOUTS |= {
    "Coursera's .h5": refused("train_catvnoncat.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "np.savez"),
    "CIFAR's pickles": refused("data_batch_1", b"\x80\x02}q\x00.", "pickle"),
    "PyTorch's .pt": refused("pets.pt", b"PK\x03\x04" + bytes(64), "np.savez"),
    "TFRecord": refused("pets.tfrecord", bytes(64), "TFRecord"),
    "Kaggle's submission": refused(
        "submission.csv", b"ImageId,Label\n1,2\n2,0\n3,9\n", "ids and labels"
    ),
    "Kaggle's test.csv": refused(
        "test.csv",
        (",".join(PIXELS) + "\n" + ",".join("0" for _ in PIXELS) + "\n").encode(),
        "label",
    ),
}


def packed(inner: Writer, name: str) -> Writer:
    """Return a writer of an archive of what another writes."""

    def write(pictures: Pictures, root: Path) -> Written:
        found = inner(pictures, root / "unpacked")
        place, files = root / name, sorted(found.source.rglob("*"))
        members = [(path, path.relative_to(found.source.parent).as_posix()) for path in files]
        if name.endswith(".zip"):
            with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
                for path, member in members:
                    archive.write(path, member)
        else:
            with tarfile.open(place, "w:gz") as tar:
                for path, member in members:
                    if path.is_file():
                        tar.add(path, member)
        shutil.rmtree(root / "unpacked")
        return Written(place, found.options, found.parts, found.named)

    return write


LAYOUTS |= {
    f"{name}, {'zip' if ending == '.zip' else 'tar.gz'}": packed(LAYOUTS[name], f"pets{ending}")
    for name, ending in (
        ("torchvision ImageFolder", ".zip"),
        ("train, val, test", ".zip"),
        ("seg_train, seg_val, seg_test", ".zip"),
        ("what systems leave behind", ".zip"),
        ("training, validation, testing", ".tar.gz"),
    )
}
