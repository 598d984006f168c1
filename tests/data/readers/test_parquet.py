"""Parquet files as Hugging Face data sets have them: what is read, and what is said of the rest."""

import contextlib
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlogit import SourceWarning, load
from imlogit.data.image_set import ImageSet
from imlogit.data.images import decode_many
from imlogit.data.readers import parquet, parquet_rows
from imlogit.data.reading import Reading
from imlogit.errors import BadItemsError, DataError, MissingExtraError

from helpers.engines import ALL_REQUIRED
from helpers.image_files import can_make, encoded, is_accepted

pytestmark = pytest.mark.skipif(
    not (ALL_REQUIRED or find_spec("pyarrow")), reason="needs pyarrow, not installed"
)

IMAGES = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
CODES = [0, 2, 1, 1, 0, 2]
NAMES = ["cat", "dog", "eel"]
CELLS = [{"bytes": encoded(image), "path": f"{n}.png"} for n, image in enumerate(IMAGES)]


def hugging_face(names):
    feature = {"names": names, "_type": "ClassLabel"}
    return json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": feature}}})


def table(cells=CELLS, labels=CODES, *, column="image", names=NAMES, metadata=None, kind=None):
    import pyarrow as pa

    struct = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    made = pa.table({column: pa.array(cells, struct), "label": pa.array(labels, kind)})
    text = metadata or (hugging_face(names) if names else None)
    return made.replace_schema_metadata({"huggingface": text} if text else None)


def write(path, made=None, **how):
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(**how) if made is None else made, path)
    return path


def read(path, **how):
    return parquet.SOURCE.read(path, Reading(**how))


def problems_of(path, **how):
    with pytest.raises(BadItemsError) as caught:
        read(path, **how)
    return {one.where: one.what for one in caught.value.problems}


@pytest.fixture
def pets(tmp_path):
    """A folder with both parts, the training part in two shards."""
    folder = tmp_path / "pets"
    write(folder / "train-00000-of-00002.parquet", cells=CELLS[:3], labels=CODES[:3])
    write(folder / "train-00001-of-00002.parquet", cells=CELLS[3:5], labels=CODES[3:5])
    write(folder / "test-00000-of-00001.parquet", cells=CELLS[5:], labels=CODES[5:])
    return folder


# What is read


def test_one_file_is_all_for_training(tmp_path, no_warning):
    path = write(tmp_path / "test-00000-of-00002.parquet")
    assert is_accepted(parquet, path)
    assert parquet.SOURCE.files(path) == [path]
    found = read(path)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.labels.tolist() == CODES
    assert found.class_names == tuple(NAMES)
    assert (found.test, found.skipped) == (None, ())
    assert (found.name, found.origin) == (path.stem, "Parquet files, Hugging Face layout")


def test_shards_are_the_split(pets, no_warning):
    assert is_accepted(parquet, pets)
    found = read(pets)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.labels.tolist() == CODES
    assert (found.n_train, found.name) == (5, "pets")
    assert [path.name for path in parquet.SOURCE.files(pets)] == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "test-00000-of-00001.parquet",
    ]


@pytest.mark.parametrize("below", ["data", "plain_text"])
def test_shards_may_lie_one_folder_down(pets, below):
    (pets / below).mkdir()
    for file in parquet.SOURCE.files(pets):
        file.rename(pets / below / file.name)
    assert is_accepted(parquet, pets)
    assert (read(pets).n_train, read(pets).name) == (5, "pets")


def test_data_comes_before_other_folders(pets):
    write(pets / "other" / "train.parquet", names=["a", "b", "c"])
    (pets / "data").mkdir()
    for file in parquet.SOURCE.files(pets):
        file.rename(pets / "data" / file.name)
    assert read(pets).class_names == tuple(NAMES)


def test_of_several_configurations_one_must_be_given(tmp_path):
    for name in ("cropped", "full"):
        write(tmp_path / "digits" / name / "train-00000-of-00001.parquet")
    assert is_accepted(parquet, tmp_path / "digits")
    with pytest.raises(DataError, match="digits: .*in cropped/, full/: give one"):
        read(tmp_path / "digits")
    assert len(read(tmp_path / "digits" / "full")) == 6


def test_shards_of_no_part_are_all_for_training(tmp_path, no_warning):
    write(tmp_path / "x" / "part-0.parquet", cells=CELLS[:2], labels=CODES[:2])
    write(tmp_path / "x" / "part-1.parquet", cells=CELLS[2:], labels=CODES[2:])
    found = read(tmp_path / "x")
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.test is None


def test_the_validation_part(pets):
    write(pets / "validation-00000-of-00001.parquet")
    found = read(pets)
    assert (found.n_train, found.n_validation, len(found.test.labels)) == (5, 6, 1)
    np.testing.assert_array_equal(found.validation.images, IMAGES)
    assert found.names[5] == "0.png"
    for path in pets.glob("test-*"):
        path.unlink()
    with pytest.warns(SourceWarning, match="the validation part is the test part"):
        assert len(read(pets).test.labels) == 6


def test_other_parts_are_left_out_and_named(pets):
    write(pets / "extra-00000-of-00001.parquet")
    with pytest.warns(UserWarning, match="left out: extra-00000-of-00001.parquet"):
        assert len(read(pets)) == 6
    assert not any("extra" in path.name for path in parquet.SOURCE.files(pets))


def test_shards_that_are_not_there_are_told(pets):
    (pets / "train-00001-of-00002.parquet").unlink()
    with pytest.warns(UserWarning, match="of train only 1 of 2 files are there"):
        assert read(pets).n_train == 3


def test_a_test_part_alone(pets):
    for shard in pets.glob("train*"):
        shard.unlink()
    with pytest.raises(DataError, match="no training part beside test-00000-of-00001.parquet"):
        read(pets)


def test_files_may_be_links(pets, tmp_path, no_warning):
    """In the cache of the Hub each file is a link to what is named by its hash."""
    blob = tmp_path / "blobs" / "3fa4"
    blob.parent.mkdir()
    (pets / "test-00000-of-00001.parquet").rename(blob)
    if not can_make(lambda link: link.symlink_to(blob), pets / "test-00000-of-00001.parquet"):
        pytest.skip("this system lets nobody make a link")
    assert len(read(pets)) == 6


def test_the_folder_in_which_one_stands_has_its_name(pets, monkeypatch):
    monkeypatch.chdir(pets)
    assert read(Path()).name == "pets"


def test_colour_in_a_column_img(tmp_path):
    colour = np.stack([IMAGES, 255 - IMAGES, IMAGES // 2], axis=3)
    cells = [{"bytes": encoded(image), "path": None} for image in colour]
    path = write(tmp_path / "x.parquet", cells=cells, column="img")
    np.testing.assert_array_equal(read(path).images, colour)
    assert read(path, grey=True, size=(2, 2)).image_shape == (2, 2)


def test_one_part_in_grey_and_one_in_colour(tmp_path):
    colour = np.stack([IMAGES] * 3, axis=3)
    cells = [{"bytes": encoded(image), "path": None} for image in colour]
    write(tmp_path / "x" / "train.parquet")
    write(tmp_path / "x" / "test.parquet", cells=cells)
    found = read(tmp_path / "x")
    np.testing.assert_array_equal(found.images, np.concatenate([colour, colour]))
    assert found.n_train == 6


@pytest.mark.parametrize("kind", ["int8", "uint64"])
def test_numbers_without_names(tmp_path, kind):
    labels = [10, 2, 3, 3, 10, 2]
    found = read(write(tmp_path / "x.parquet", labels=labels, names=None, kind=kind))
    assert found.class_names == ("2", "3", "10")
    assert [int(found.class_names[code]) for code in found.labels] == labels


@pytest.mark.parametrize("packed", [True, False])
def test_labels_of_text(tmp_path, packed):
    labels = [NAMES[code] for code in CODES]
    made = table(labels=labels, names=None)
    if packed:
        made = made.set_column(1, "label", made.column("label").dictionary_encode())
    found = read(write(tmp_path / "x.parquet", made))
    assert found.class_names == tuple(NAMES)
    assert found.labels.tolist() == CODES


def test_a_class_without_an_image_keeps_its_place(tmp_path):
    found = read(write(tmp_path / "x.parquet", names=["ant", *NAMES[1:], "fox"]))
    assert found.class_names == ("ant", "dog", "eel", "fox")
    assert found.labels.tolist() == CODES


def test_columns_that_are_not_needed_are_not_read(tmp_path):
    made = table().append_column("hue", [list(range(6))])
    assert len(read(write(tmp_path / "x.parquet", made))) == 6


def test_batches_and_row_groups_are_put_together(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    monkeypatch.setattr(parquet_rows, "BATCH_ROWS", 4)
    pq.write_table(table(), tmp_path / "x.parquet", row_group_size=5)
    told = []
    found = parquet.SOURCE.read(tmp_path / "x.parquet", Reading(), lambda *done: told.append(done))
    np.testing.assert_array_equal(found.images, IMAGES)
    assert told[-1] == ("decoding images", 6, 6)


# Rows that cannot be used


def test_each_bad_row_is_named_in_order(pets):
    cells = [None, {"bytes": None, "path": "a.png"}, {"bytes": None, "path": None}, CELLS[3]]
    cells += [{"bytes": b"no GIF", "path": None}, {"bytes": b"", "path": None}, CELLS[0], CELLS[1]]
    shard = "train-00001-of-00002.parquet"
    write(pets / shard, cells=cells, labels=[0, 0, 0, None, 0, 0, 1, 1])
    write(pets / "test-00000-of-00001.parquet", cells=CELLS[:3], labels=[3, -1, 0])
    found = problems_of(pets)
    test = "test-00000-of-00001.parquet"
    assert list(found) == [
        *(f"{shard}, row {n}" for n in range(6)),
        f"{test}, row 0",
        f"{test}, row 1",
    ]
    whats = list(found.values())
    assert whats[:4] == [
        "has no image",
        "holds only a path, not the image itself",
        "has no image",
        "has no label",
    ]
    assert whats[4].startswith("text, not an image")
    assert whats[5:] == ["the file is empty", "the label 3 is none of 0 to 2", "has no label (-1)"]
    left = read(pets, skip_bad=True)
    np.testing.assert_array_equal(left.images, IMAGES[[0, 1, 2, 0, 1, 2]])
    assert left.labels.tolist() == [0, 2, 1, 1, 1, 0]
    assert left.n_train == 5
    assert [problem.where for problem in left.skipped] == list(found)


def test_a_test_part_whose_labels_are_kept_back(pets):
    write(pets / "test-00000-of-00001.parquet", labels=[-1] * 6)
    assert len(problems_of(pets)) == 6
    assert read(pets, skip_bad=True).test is None


def test_minus_one_is_a_class_where_classes_have_no_names(tmp_path):
    found = read(write(tmp_path / "x.parquet", labels=[-1, 1] * 3, names=None))
    assert found.class_names == ("-1", "1")


def test_an_empty_text_is_no_label(tmp_path):
    path = write(tmp_path / "x.parquet", labels=["a", "b", "", "a", "b", "a"], names=None)
    assert problems_of(path) == {"x.parquet, row 2": "has no label"}


def test_an_image_of_too_many_bytes(tmp_path):
    path = write(tmp_path / "x.parquet")
    assert len(problems_of(path, max_megabytes=1e-5)) == 6


def test_nothing_is_left(tmp_path):
    path = write(tmp_path / "x.parquet", cells=[None] * 6)
    with pytest.raises(DataError, match="none of 6 images"):
        read(path, skip_bad=True)
    with pytest.raises(DataError, match="no training image"):
        read(write(tmp_path / "y.parquet", cells=[], labels=[], kind="int64"))


def test_a_size_is_chosen_for_images_of_different_sizes(tmp_path):
    cells = [*CELLS[:5], {"bytes": encoded(IMAGES[0].T), "path": None}]
    with pytest.warns(SourceWarning, match="3 x 4 and 4 x 3 among them, become 3 x 3"):
        found = load(write(tmp_path / "x.parquet", cells=cells))
    assert found.image_shape == (3, 3)


def test_another_size_after_many_of_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(decode_many, "LOOKED_AT", 3)
    cells = [*CELLS[:5], {"bytes": encoded(IMAGES[0].T), "path": None}]
    with pytest.raises(DataError, match=r"x.parquet, row 5 is 3 x 4 pixels.*size="):
        read(write(tmp_path / "x.parquet", cells=cells))


# Files that are something else


def other_columns():
    import pyarrow as pa

    good, images = table(), table().column("image")
    return [
        good.drop_columns("label"),
        good.drop_columns("image"),
        good.set_column(1, "label", pa.array([0.5] * 6)),
        good.set_column(1, "label", pa.array([True] * 6)),
        good.set_column(0, "image", pa.array([[1, 2]] * 6)),
        good.set_column(0, "image", pa.array([{"path": "a.png"}] * 6)),
        good.set_column(0, "image", pa.array([{"bytes": "abc"}] * 6)),
        good.append_column("image", images),
        good.rename_columns(["image\x1b[2J" + "a" * 999, "label"]),
        pa.table({f"pixel{n}": [1] for n in range(2000)}),
    ]


@pytest.mark.parametrize("place", range(10))
def test_other_columns_are_listed(tmp_path, place):
    made = other_columns()[place]
    with pytest.raises(DataError, match=r"odd.parquet has the columns .*struct<bytes") as caught:
        read(write(tmp_path / "odd.parquet", made))
    message = str(caught.value)
    assert made.column_names[0][:5] in message
    assert message.isprintable()
    assert len(message) < 1500


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        (hugging_face([]), "at least one"),
        (hugging_face("abc"), "must be texts"),
        (hugging_face(["a", 1, "b"]), "must be texts"),
        (hugging_face(["a", "b", "a"]), "all different"),
        (hugging_face(["a", "b", "\x1b[2J"]), "no name that can be printed"),
    ],
)
def test_class_names_that_cannot_be(tmp_path, metadata, message):
    with pytest.raises(DataError, match=message) as caught:
        read(write(tmp_path / "x.parquet", metadata=metadata))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("metadata", ["null", "3", '{"info": []}', hugging_face(None)])
def test_metadata_that_name_no_classes(tmp_path, metadata):
    assert read(write(tmp_path / "x.parquet", metadata=metadata)).class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"names": ["a", "b", "c"]}, "the class names"),
        ({"names": None}, "the class names"),
        ({"column": "img"}, "the column of images"),
        ({"labels": list("aabbcc")}, "the type of labels and the class names"),
    ],
)
def test_shards_that_differ(pets, how, message):
    write(pets / "test-00000-of-00001.parquet", **how)
    with pytest.raises(
        DataError, match=f"test-00000-of-00001.parquet differs from train-00000.* in {message}:"
    ):
        read(pets)


@pytest.mark.parametrize("blob", [b"", b"PAR1", b"PAR1PAR1", b"GIF89a" * 99, b"\0" * 5000])
def test_what_is_no_parquet_file(tmp_path, blob):
    path = tmp_path / "odd.parquet"
    path.write_bytes(blob)
    with pytest.raises(DataError, match="odd.parquet cannot be read as Parquet"):
        read(path)


@pytest.mark.parametrize("keep", [-1, -9, 0.5, 30])
def test_a_file_that_is_cut_short(tmp_path, keep):
    path = write(tmp_path / "x.parquet")
    blob = path.read_bytes()
    path.write_bytes(blob[: int(len(blob) * keep) if keep == 0.5 else keep])
    with pytest.raises(DataError, match=r"x.parquet cannot be read as Parquet"):
        read(path)


def test_more_rows_than_the_bytes_can_hold_are_a_lie(tmp_path, monkeypatch):
    path = write(tmp_path / "x.parquet", cells=CELLS[:1] * 20_000, labels=[0] * 20_000)
    assert path.stat().st_size < 20_000, "the same image again and again takes little"
    assert len(parquet_rows.inspect_files([path])[1]) == 1
    monkeypatch.setattr(parquet_rows, "ROWS_PER_BYTE", 1)
    with pytest.raises(DataError, match="x.parquet declares 20,000 images, more than its"):
        read(path)


@pytest.mark.parametrize("declared", [5, 7])
def test_a_footer_that_miscounts(tmp_path, monkeypatch, declared):
    path = write(tmp_path / "x.parquet")
    monkeypatch.setattr(parquet_rows, "_plausible", lambda n_rows, path: declared)
    with pytest.raises(DataError, match=f"x.parquet declares {declared} rows, but holds"):
        read(path)


def test_a_folder_named_as_a_file(tmp_path, pets):
    folder = tmp_path / "x.parquet"
    folder.mkdir()
    with pytest.raises(DataError, match=r"x.parquet: there is no .parquet file"):
        read(folder)
    folder.rename(pets / "train-x.parquet")
    with pytest.raises(
        DataError, match=r"train-x.parquet cannot be read \(not a regular file but a"
    ):
        read(pets)


def test_what_cannot_be_read(tmp_path):
    loop = tmp_path / "loop.parquet"
    if can_make(lambda path: path.symlink_to(path), loop):
        with pytest.raises(DataError, match="loop.parquet cannot be read"):
            read(loop)
    with pytest.raises(DataError, match="absent.parquet cannot be read"):
        read(tmp_path / "absent.parquet")


@pytest.mark.timeout(20)
def test_a_fifo_does_not_hang(tmp_path):
    if not can_make(lambda path: os.mkfifo(path), tmp_path / "x.parquet"):
        pytest.skip("this system has no FIFOs")
    with pytest.raises(DataError, match=r"x.parquet cannot be read \(not a regular file but a"):
        read(tmp_path / "x.parquet")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text here")
def test_a_name_that_is_no_text(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.parquet")
    path.write_bytes(write(tmp_path / "x.parquet").read_bytes())
    assert read(path).name == "caf\\xe9"
    assert problems_of(path, max_megabytes=1e-5).keys() >= {"caf\\xe9.parquet, row 0"}


def test_what_is_no_such_source(tmp_path):
    (tmp_path / "classes" / "cat").mkdir(parents=True)
    write(tmp_path / "classes" / "cat" / "stray.parquet")
    (tmp_path / "classes" / "cat" / "1.png").write_bytes(encoded(IMAGES[0]))
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "._x.parquet").write_bytes(b"Mac OS X")
    for name in ("classes", "hidden", "absent", "x.csv"):
        assert not is_accepted(parquet, tmp_path / name)


def test_without_pyarrow(tmp_path, monkeypatch):
    path = write(tmp_path / "x.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(
        MissingExtraError, match=r'pyarrow: pip install "imlogit\[parquet\]"'
    ) as caught:
        read(path)
    assert "\n" not in str(caught.value)


# Any bytes


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet") / "mutated.parquet"
    return path, write(path).read_bytes()


def is_read_or_refused(path, blob):
    path.write_bytes(blob)
    with contextlib.suppress(DataError):
        assert isinstance(read(path, skip_bad=True), ImageSet)


@settings(max_examples=100, deadline=None)
@given(blob=st.binary(max_size=200), framed=st.booleans())
def test_any_bytes_are_read_or_refused(scratch, blob, framed):
    size = len(blob).to_bytes(4, "little")
    is_read_or_refused(scratch[0], b"PAR1" + blob + size + b"PAR1" if framed else blob)


edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 255), st.booleans()), min_size=1, max_size=4
)


@settings(max_examples=300, deadline=None)
@given(changes=edits)
def test_any_change_is_read_or_refused(scratch, changes):
    path, blob = scratch
    changed = bytearray(blob)
    for place, value, cut in changes:
        at = int(place * (len(changed) - 1))
        changed[at : at + 1] = b"" if cut else bytes([value])
    is_read_or_refused(path, bytes(changed))
