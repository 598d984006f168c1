"""NumPy's files: what is read, what is refused by name, and what cannot do harm."""

import io
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlogit.data.formats import npz
from imlogit.data.image_set import ImageSet
from imlogit.data.readers import numpy_files
from imlogit.data.reading import Reading
from imlogit.errors import DataError

from helpers.image_files import can_make, is_accepted

read = numpy_files.SOURCE.read

IMAGES = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
BODY = IMAGES.tobytes()
LABELS = np.array([1, 0, 10, 1])
TEST_IMAGES, TEST_LABELS = IMAGES[:2] + 100, np.array([0, 10])
KERAS = {"x_train": IMAGES, "y_train": LABELS, "x_test": TEST_IMAGES, "y_test": TEST_LABELS}
PAIR = {"images": IMAGES, "labels": LABELS}


def npy(array):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array))
    return out.getvalue()


def headed(header, body=b""):
    """Return a .npy of any header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header.encode())) + header.encode() + body


def claiming(shape, descr="|u1", body=BODY, fortran=False):
    return headed(f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}}}", body)


def archive_at(path, members, compression=zipfile.ZIP_DEFLATED):
    """Write an archive of (name, bytes), also of several of one name."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def set_at(path, **arrays):
    """Write an archive as NumPy has it, of arrays or the bytes of such members."""
    blobs = {name: a if isinstance(a, bytes) else npy(a) for name, a in arrays.items()}
    return archive_at(path, [(f"{name}.npy", blob) for name, blob in blobs.items()])


def files_at(folder, **arrays):
    """Write .npy files, of arrays or their bytes."""
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        (folder / f"{name}.npy").write_bytes(array if isinstance(array, bytes) else npy(array))
    return folder


def as_archive(folder, **arrays):
    return set_at(folder / "set.npz", **arrays)


def as_files(folder, **arrays):
    return files_at(folder / "set", **arrays)


def refusal(path, reading=None):
    with pytest.raises(DataError) as caught:
        read(path, reading or Reading())
    return str(caught.value)


either = pytest.mark.parametrize("written", [as_archive, as_files])


# What is read


@either
@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
def test_a_set_with_its_test_part(tmp_path, written, names):
    path = written(tmp_path, **dict(zip(names, KERAS.values(), strict=True)))
    found = read(path, Reading())
    assert is_accepted(numpy_files, path)
    assert found.name == "set"
    assert found.class_names == ("0", "1", "10")
    assert found.labels.tolist() == [1, 0, 2, 1, 0, 2]
    assert found.n_train == 4
    np.testing.assert_array_equal(found.images, np.concatenate([IMAGES, TEST_IMAGES]))
    assert str(tmp_path) not in found.origin


@either
@pytest.mark.parametrize("names", [("images", "labels"), ("x_train", "y_train"), ("X", "y")])
def test_a_set_without_a_test_part(tmp_path, written, names):
    path = written(tmp_path, **dict(zip(names, (IMAGES, LABELS), strict=True)))
    found = read(path, Reading())
    assert is_accepted(numpy_files, path)
    assert found.test is None
    np.testing.assert_array_equal(found.images, IMAGES)


@pytest.mark.usefixtures("no_warning")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes(tmp_path, save):
    path = tmp_path / "Set.NPZ"
    with path.open("wb") as file:
        save(file, **KERAS)
    found = read(path, Reading())
    assert is_accepted(numpy_files, path)
    assert numpy_files.SOURCE.files(path) == [path]
    assert found.origin == "a NumPy .npz file"
    np.testing.assert_array_equal(found.test.images, TEST_IMAGES)


@either
def test_other_arrays_are_left_out_and_said_to_be(tmp_path, written):
    path = written(tmp_path, **KERAS, x_more=IMAGES, y_more=LABELS)
    with pytest.warns(UserWarning, match="set.*: left out: x_more, y_more$"):
        assert len(read(path, Reading())) == 6


@either
def test_the_validation_part(tmp_path, written):
    path = written(tmp_path, **KERAS, x_val=IMAGES, y_val=LABELS)
    found = read(path, Reading())
    assert (found.n_train, found.n_validation, len(found)) == (4, 4, 10)
    np.testing.assert_array_equal(found.validation.images, IMAGES)
    np.testing.assert_array_equal(found.test.images, TEST_IMAGES)


@either
def test_a_validation_part_alone_is_the_test_part(tmp_path, written):
    path = written(tmp_path, x_train=IMAGES, y_train=LABELS, x_val=IMAGES, y_val=LABELS)
    with pytest.warns(UserWarning, match="the validation part is the test part"):
        found = read(path, Reading())
    assert (found.n_train, found.n_validation, len(found)) == (4, 0, 8)


@pytest.mark.usefixtures("no_warning")
@pytest.mark.parametrize(
    ("given", "also", "partners"),
    [
        ("images", ["labels"], ["labels"]),
        ("x_train", ["y_train"], ["y_train"]),
        ("X_train", ["y_train", "other"], ["y_train"]),
        ("X", ["Y"], ["Y"]),
        ("Digits_images", ["Digits_labels", "images", "labels"], ["Digits_labels"]),
        ("digits-images", ["digits-labels"], ["digits-labels"]),
        ("x_train", ["y_train", "x_test", "y_test"], ["y_train", "x_test", "y_test"]),
        (
            "train_images",
            ["train_labels", "test_images", "test_labels"],
            ["train_labels", "test_images", "test_labels"],
        ),
    ],
)
def test_the_labels_are_found_beside_the_images(tmp_path, given, also, partners):
    arrays = {name: LABELS if name[0] in "yY" or "labels" in name else IMAGES for name in also}
    path = files_at(tmp_path, **{given: IMAGES}, **arrays) / f"{given}.npy"
    found = read(path, Reading())
    assert is_accepted(numpy_files, path)
    assert numpy_files.SOURCE.files(path) == [
        tmp_path / f"{name}.npy" for name in (given, *partners)
    ]
    assert (found.name, found.origin) == (given, "NumPy .npy files")
    assert len(found) == 4 * (1 + len(partners) // 2)


def test_a_file_given_is_the_one_that_is_read(tmp_path):
    files_at(tmp_path, x_train=IMAGES[::-1], X_train=IMAGES, y_train=LABELS)
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("names here do not differ by case")
    np.testing.assert_array_equal(read(tmp_path / "X_train.npy", Reading()).images, IMAGES)
    assert "2 arrays of one name: X_train, x_train" in refusal(tmp_path)


@either
@pytest.mark.parametrize(
    ("images", "reading"),
    [
        (IMAGES.astype(">i8"), Reading()),
        (IMAGES.astype("<u2"), Reading()),
        (np.asfortranarray(IMAGES), Reading()),
        (np.asfortranarray(IMAGES.astype(float)), Reading()),
        ((IMAGES / 255).astype(">f4"), Reading()),
        (IMAGES[..., None], Reading()),
        (IMAGES[:, None], Reading(layout="chw")),
        (IMAGES.reshape(4, -1), Reading(shape=(5, 6))),
    ],
)
def test_images_of_any_type_and_layout(tmp_path, written, images, reading):
    found = read(written(tmp_path, images=images, labels=LABELS), reading)
    np.testing.assert_array_equal(found.images, IMAGES)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array([10, 2, 2, -1], ">i2"), ["10", "2", "2", "-1"]),
        (np.array([[2], [7], [2], [0]], np.uint8), ["2", "7", "2", "0"]),
        (np.array([True, False, True, True]), ["True", "False", "True", "True"]),
        (np.array(["cat", "Köter", "cat", "eel"]), ["cat", "Köter", "cat", "eel"]),
        (np.array(["cat", "Köter", "cat", "eel"], ">U8"), ["cat", "Köter", "cat", "eel"]),
        (
            np.array([b"cat", "Köter".encode(), b"eel", b"eel"]),
            ["cat", "Köter"] + ["eel"] * 2,
        ),
        (np.array([3.0, -0.0, 2.0**53 - 1, 0]), ["3", "0", "9007199254740991", "0"]),
        (np.array([2**64 - 1, 0, 1, 1], np.uint64), ["18446744073709551615", "0", "1", "1"]),
    ],
)
def test_labels_are_the_names_of_classes(tmp_path, labels, names):
    found = read(as_archive(tmp_path, images=IMAGES, labels=labels), Reading())
    assert [found.class_names[code] for code in found.labels] == names


# What is refused


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(4, 3), r"shape (4, 3), not one for each image"),
        (np.eye(4, 3, dtype=int), ".argmax(axis=1)"),
        (np.array(3), "shape (), not one"),
        (np.array([0.5, 1, 1, 0]), "no whole numbers, such as 0.5"),
        (np.array([np.nan, 1, 1, 0]), "no whole numbers, such as nan"),
        (np.array([1, 1, 0, -np.inf]), "no whole numbers, such as -inf"),
        (np.array([1e300, 1, 1, 0]), "no whole numbers, such as 1e+300"),
        (np.array([b"\xff", b"a", b"a", b"a"]), "no text"),
        (np.full(4, 0x7FFFFFFF, "<u4").view("<U1"), "no text"),
        (np.full(8, 0x110000, ">u4").view(">U2"), "no text"),
        (np.full(4, 0xD800, "<u4").view("<U1"), r"no name that can be printed"),
        (np.array(["a", "", "a", "a"]), "no name that can be printed"),
        (np.array(["a", "b\n", "a", "a"]), r"'b\n' has no name"),
        (LABELS[:3], "4 images, but"),
        (LABELS[:3], "3 labels"),
        (np.array([1, 0, 1, 1j]), "type complex128"),
        (np.array([1, 2, 3, 4], "M8[s]"), "type datetime64[s]"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_labels_that_name_no_class(tmp_path, labels, message):
    text = refusal(as_archive(tmp_path, images=IMAGES, labels=labels))
    assert message in text
    assert "set" in text


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.where(IMAGES == 3, np.nan, IMAGES), "not a number, or infinite"),
        (IMAGES + 0.5, "from 0.5 to 119.5"),
        (IMAGES.astype(np.int8) - 1, "from -1 to 118"),
        (IMAGES.astype(int) + 200, "from 200 to 319"),
        (np.full((4, 5), "a"), "type <U1, not numbers"),
        (IMAGES.reshape(4, -1), "30 numbers are no square image"),
        (IMAGES.ravel(), "neither (n, h, w) nor rows"),
    ],
)
@either
def test_images_that_are_none(tmp_path, written, images, message):
    text = refusal(written(tmp_path, images=images, labels=LABELS))
    assert message in text
    assert "images" in text


@either
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": IMAGES, "b\x1b": LABELS}, r"no known set of images: a, b\x1b. Name"),
        ({}, "no known set of images: nothing"),
        ({"images": IMAGES}, "no known set of images: images"),
        ({f"a{n:02}": LABELS for n in range(12)}, "a09 and 2 more"),
        (PAIR | KERAS, "several sets of images: images, labels, x_test, x_train"),
        ({n: a for n, a in KERAS.items() if n != "y_test"}, "there is no y_test"),
        ({n: a for n, a in KERAS.items() if n != "x_test"}, "there is no x_test"),
        (KERAS | {"y_test": np.array([0, 7])}, "classes that the training part lacks: 7"),
        (KERAS | {"x_test": TEST_IMAGES[:, 1:]}, "5 x 6 and 4 x 6"),
    ],
)
def test_arrays_that_make_up_no_set(tmp_path, written, arrays, message):
    assert message in refusal(written(tmp_path, **arrays))


def test_parts_on_two_scales_are_refused(tmp_path):
    train = np.array([[[0.0, 255.0]], [[9.0, 0.0]]])
    names = {"y_train": np.array([1, 2]), "y_test": np.array([1, 2])}
    np.savez(tmp_path / "x.npz", x_train=train, x_test=train > 0.5, **names)
    assert read(tmp_path / "x.npz", Reading()).test is not None
    np.savez(tmp_path / "x.npz", x_train=train, x_test=(train > 0.5) * 1.0, **names)
    with pytest.raises(DataError, match="on one scale"):
        read(tmp_path / "x.npz", Reading())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("x_train", "there is no y_train.npy beside x_train.npy"),
        ("cats_images", "there is no cats_labels.npy beside cats_images.npy"),
        ("labels", "not named as images are"),
        ("embeddings", "not named as images are"),
    ],
)
@pytest.mark.parametrize("used", [read, lambda path, _: numpy_files.SOURCE.files(path)])
def test_a_file_without_a_partner(tmp_path, given, message, used):
    path = files_at(tmp_path, **{given: IMAGES}) / f"{given}.npy"
    with pytest.raises(DataError, match=message) as caught:
        used(path, Reading())
    assert str(path) in str(caught.value)


def test_a_folder_is_accepted_by_what_it_holds(tmp_path):
    folder = files_at(tmp_path / "some.npz", images=IMAGES)
    assert not is_accepted(numpy_files, folder)
    files_at(folder, labels=LABELS)
    assert is_accepted(numpy_files, folder)
    (folder / "._images.npy").write_bytes(b"left behind by a system")
    assert read(folder, Reading()).name == "some.npz"


# What would do harm


class Trap:
    """Whoever unpickles this makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@either
@pytest.mark.parametrize("name", ["images", "labels"])
def test_objects_are_never_unpickled(tmp_path, written, name):
    trap = np.empty(4, object)
    trap[:] = Trap(tmp_path / "sprung")
    text = refusal(written(tmp_path, **(PAIR | {name: trap})))
    assert f"{name}" in text
    assert "never unpickled" in text
    assert not (tmp_path / "sprung").exists()


LIES = {
    "too few bytes": (claiming((5, 5, 6)), "150 bytes, but holds 120"),
    "too many bytes": (claiming((3, 5, 6)), "90 bytes, but holds 120"),
    "32 GiB": (claiming((2**35,), body=bytes(4)), "but holds 4"),
    "wider items": (claiming((4, 5, 6), "<f8"), "960 bytes, but holds 120"),
    "negative": (claiming((-4, -5, 6)), "a shape that no images have"),
    "beyond 64 bits": (claiming((2**64, 5, 6)), "a shape that no images have"),
    "overflow of a product": (claiming((2**62, 4, 4)), "but holds 120"),
    "overflow to nothing": (claiming((2**62, 0, 4)), "it holds nothing"),
    "five dimensions": (claiming((1, 1, 4, 5, 6)), "5 dimensions"),
    "a thousand dimensions": (claiming((1,) * 1000), "1000 dimensions"),
    "fields": (claiming((4,), [("a", "u1", (30,))]), "type [('a', 'u1', (30,))]"),
    "items of arrays": (claiming((4,), ("|u1", (30,))), "type ('u1', (30,))"),
    "void": (claiming((4,), "|V30"), "type |V30"),
    "items of no bytes": (claiming((4,), "|S0", b""), "type |S0"),
    "not a type": (claiming((4, 5, 6), "|x9"), "damaged"),
    "shape of floats": (claiming((4.0, 5, 6)), "damaged"),
    "a length beyond integers": (claiming("(" + "9" * 4000 + ",)"), "no images have"),
    "no dictionary": (headed("[1, 2]", bytes(9)), "damaged"),
    "an expression": (headed("__import__('os').abort()"), "damaged"),
    "no header": (b"\x93NUMPY\x01\x00", "damaged"),
    "a header of 4 GiB": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "damaged"),
    "a header too long": (headed("{" + " " * 20_000), "damaged"),
    "deep nesting": (headed("(" * 4000), "damaged"),
    "deep signs": (headed("-" * 4000 + "1"), "damaged"),
    "not in Latin 1": (b"\x93NUMPY\x03\x00\x01\x00\x00\x00\xff", "damaged"),
    "an unknown version": (b"\x93NUMPY\x09\x00\x01\x00\x00\x00\xff", "damaged"),
    "text": (b"label,pixel0\n1,2\n", "damaged"),
    "nothing": (b"", "damaged"),
}


def peak_of(act):
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@either
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.filterwarnings("error")
def test_a_header_that_lies_allocates_nothing(tmp_path, written, lie):
    blob, message = LIES[lie]
    path = written(tmp_path, images=blob, labels=LABELS)
    texts = []
    assert peak_of(lambda: texts.append(refusal(path))) < 5_000_000
    assert message in texts[0]
    assert "images" in texts[0]
    assert len(texts[0]) < 1000
    assert texts[0].isprintable()


def test_a_header_that_python_2_wrote(tmp_path):
    blob = headed(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4L, 5L, 6L)}", IMAGES.tobytes()
    )
    found = read(as_files(tmp_path, images=blob, labels=LABELS), Reading())
    np.testing.assert_array_equal(found.images, IMAGES)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_pixels_are_held_once(tmp_path, compression):
    images = np.zeros((100, 200, 300), np.uint8)
    members = [("images.npy", npy(images)), ("labels.npy", npy(np.arange(100)))]
    path = archive_at(tmp_path / "set.npz", members, compression)
    assert peak_of(lambda: read(path, Reading())) < images.nbytes * 1.6


def test_names_that_lead_out_are_only_names(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    outside = [("../x_train.npy", npy(IMAGES)), ("/y_train.npy", npy(LABELS)), ("a/../b", b"")]
    path = archive_at(inner / "set.npz", outside)
    assert "../x_train" in refusal(path)
    pair = [(f"{name}.npy", npy(array)) for name, array in PAIR.items()]
    archive_at(path, [*pair, *outside])
    with pytest.warns(UserWarning, match=r"left out: \.\./x_train, /y_train, a/\.\./b"):
        read(path, Reading())
    assert {item.name for item in tmp_path.rglob("*") if item.is_file()} == {"set.npz"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["images.npy", "Images.npy", "images"])
def test_two_members_of_one_name(tmp_path, second):
    members = [(f"{name}.npy", npy(array)) for name, array in PAIR.items()]
    path = archive_at(tmp_path / "set.npz", [*members, (second, npy(IMAGES))])
    assert "set.npz holds 2 arrays of one name" in refusal(path)


def patched(path, **fields):
    """Change fields of the first member, in its own header and in the archive's list."""
    blob = bytearray(path.read_bytes())
    # offset in the list, or behind it by two in the member's own header
    places = {"flags": (8, "<H"), "method": (10, "<H"), "crc": (16, "<I"), "size": (24, "<I")}
    listed = blob.index(b"PK\x01\x02")
    for field, value in fields.items():
        offset, form = places[field]
        for place in (listed + offset, offset - 2):
            struct.pack_into(form, blob, place, value)
    path.write_bytes(blob)
    return path


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"flags": 1}, "is encrypted"),
        ({"method": 97}, "packed in a way that NumPy does not write (method 97)"),
        ({"crc": 7}, "Bad CRC-32"),
        ({"size": 10_000_000}, "declares 10,000,000 bytes, but cannot hold more than"),
        ({"size": 100}, "Bad CRC-32"),
        ({"size": 200}, "Bad CRC-32"),
    ],
)
def test_an_archive_that_lies(tmp_path, fields, message):
    text = refusal(patched(as_archive(tmp_path, **PAIR), **fields))
    assert message in text
    assert "set.npz: images" in text


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_packing_without_a_known_limit(tmp_path, compression):
    members = [(f"{name}.npy", npy(array)) for name, array in PAIR.items()]
    text = refusal(archive_at(tmp_path / "set.npz", members, compression))
    assert f"method {compression}" in text


def bomb_at(path, n_images):
    """Write an archive of blank images, packed a thousandfold."""
    images = np.zeros((n_images, 1000, 1000), np.uint8)
    return set_at(path, images=images, labels=np.arange(n_images))


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = bomb_at(tmp_path / "set.npz", 20)
    assert len(read(path, Reading())) == 20
    monkeypatch.setattr(npz, "HARMLESS_BYTES", 10_000_000)
    texts = []
    assert peak_of(lambda: texts.append(refusal(path))) < 1_000_000
    assert "set.npz would unpack to 20 MB, more than 100 times its size" in texts[0]


def test_members_that_lie_one_over_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "HARMLESS_BYTES", 15_000_000)
    path = bomb_at(tmp_path / "set.npz", 10)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("test_images.npy", b"")
        member = archive.getinfo("images.npy")
        archive.filelist += [
            _renamed(member, name) for name in ("train_images.npy", "train_labels.npy")
        ]
        archive.filelist = [one for one in archive.filelist if one.filename.startswith("train")]
    assert "would unpack to 20 MB" in refusal(path)


def _renamed(member, name):
    other = zipfile.ZipInfo(name)
    for field in ("compress_type", "header_offset", "file_size", "compress_size", "CRC"):
        setattr(other, field, getattr(member, field))
    return other


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_short(tmp_path, keep):
    path = as_archive(tmp_path, **PAIR)
    blob = path.read_bytes()
    path.write_bytes(blob[: int(len(blob) * keep)])
    assert "set.npz is damaged" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"x_train, y_train\n", npy(IMAGES), zlib.compress(b"a")])
def test_a_file_that_is_no_archive(tmp_path, content):
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    assert "set.npz is damaged, or not what its name says" in refusal(path)


def at(tmp_path, ending):
    """Return a path that is not there, and labels beside it."""
    return files_at(tmp_path, labels=LABELS) / f"images{ending}"


ending = pytest.mark.parametrize("ending", [".npz", ".npy"])


@ending
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: os.mkfifo(path), "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.symlink_to("absent"), "cannot be read"),
    ],
)
@pytest.mark.timeout(20)
def test_what_is_no_file(tmp_path, ending, make, message):
    path = at(tmp_path, ending)
    if not can_make(make, path):
        pytest.skip("this system has no such thing")
    text = refusal(path)
    assert message in text
    assert path.name in text


@ending
def test_what_is_not_there(tmp_path, ending):
    assert "cannot be read (No such file" in refusal(at(tmp_path, ending))
    assert "cannot be read (No such file" in refusal(tmp_path / "absent" / f"images{ending}")


@ending
def test_a_folder_named_as_a_file(tmp_path, ending):
    at(tmp_path, ending).mkdir()
    assert "no known set of images: nothing" in refusal(at(tmp_path, ending))


def denied(*_):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(("ending", "first"), [(".npz", "images.npz"), (".npy", "labels.npy")])
def test_what_may_not_be_read(tmp_path, monkeypatch, ending, first):
    path = at(tmp_path, ending)
    path.write_bytes(b"")
    monkeypatch.setattr(os, "open", denied)
    assert f"{tmp_path / first} cannot be read (Permission denied)" in refusal(path)


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    files_at(tmp_path, **PAIR)
    monkeypatch.setattr(os, "scandir", denied)
    assert not is_accepted(numpy_files, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(os, "scandir", denied)
    assert "cannot be read (Permission denied)" in refusal(tmp_path)


# Whatever the bytes


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("numpy")


def read_or_refuse(path):
    """Return what is read, or None; fail for any error but one that names a file."""
    try:
        found = read(path, Reading())
    except DataError as error:
        message = str(error)
    else:
        assert isinstance(found, ImageSet)
        return found
    assert str(path.parent) in message or message.startswith(path.stem)
    return None


splices = st.lists(
    st.tuples(st.integers(0, 2**12), st.integers(0, 8), st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)


def spliced(blob, changes):
    """Replace, at each place, so many bytes with others."""
    for place, length, others in changes:
        place %= len(blob) + 1
        blob = blob[:place] + others + blob[place + length :]
    return blob


@settings(max_examples=200, deadline=None)
@given(blob=st.binary(max_size=300))
@pytest.mark.parametrize("beginning", [b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04"])
def test_any_bytes(scratch, beginning, blob):
    files_at(scratch, images=beginning + blob, labels=LABELS)
    read_or_refuse(scratch / "images.npy")
    (scratch / "images.npz").write_bytes(beginning + blob)
    read_or_refuse(scratch / "images.npz")


@settings(max_examples=300, deadline=None)
@given(changes=splices)
def test_any_change_to_images(scratch, changes):
    files_at(scratch, images=spliced(npy(IMAGES), changes), labels=LABELS)
    read_or_refuse(scratch / "images.npy")


@settings(max_examples=300, deadline=None)
@given(changes=splices)
@pytest.mark.parametrize("labels", [LABELS, LABELS.astype("U2"), LABELS.astype("S2"), LABELS / 1])
def test_any_change_to_labels(scratch, labels, changes):
    files_at(scratch, images=IMAGES, labels=spliced(npy(labels), changes))
    read_or_refuse(scratch / "images.npy")


@settings(max_examples=600, deadline=None)
@given(changes=splices)
@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_any_change_to_an_archive_is_refused_or_harmless(scratch, save, changes):
    out = io.BytesIO()
    save(out, **PAIR)
    path = scratch / "set.npz"
    path.write_bytes(spliced(out.getvalue(), changes))
    found = read_or_refuse(path)
    if found is not None:
        np.testing.assert_array_equal(found.images, IMAGES)


@settings(max_examples=300, deadline=None)
@given(
    descr=st.text(max_size=20) | st.sampled_from(["|u1", "<f4", "|O", "<U3", "|b1"]),
    shape=st.lists(st.integers(-(2**70), 2**70) | st.integers(-2, 9), max_size=6),
    fortran=st.booleans(),
)
def test_any_header(scratch, descr, shape, fortran):
    blob = claiming(tuple(shape), descr, fortran=fortran)
    files_at(scratch, images=blob, labels=LABELS)
    read_or_refuse(scratch / "images.npy")
