"""Images in a folder whose labels stand elsewhere: in a table, or in the names of the files."""

import gzip

import numpy as np
import pytest

from imlogit import SourceWarning, load
from imlogit.errors import BadItemsError, DataError, ParameterError

from helpers.image_files import write, write_class_folders

IMAGES = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
CLASSES = ["cat", "dog", "cat", "dog", "eel", "eel"]


@pytest.fixture
def loose(tmp_path):
    """Images 0.png to 5.png in a folder, by themselves."""
    for number, image in enumerate(IMAGES):
        write(tmp_path / "pets" / f"{number}.png", image)
    return tmp_path / "pets"


def table(names=None, labels=CLASSES, *, header="id,label", separator=","):
    names = [f"{number}.png" for number in range(6)] if names is None else names
    rows = [separator.join(map(str, row)) for row in zip(names, labels, strict=True)]
    return "\n".join([*([header.replace(",", separator)] if header else []), *rows, ""])


def assert_pets(found):
    assert found.class_names == ("cat", "dog", "eel")
    assert found.names == [f"{number}.png" for number in range(6)]
    np.testing.assert_array_equal(found.images, IMAGES)
    assert [found.class_names[code] for code in found.labels] == CLASSES


class TestTable:
    @pytest.mark.usefixtures("no_warning")
    @pytest.mark.parametrize(
        "text",
        [
            table(),
            table(header="filename,breed"),
            table(header="Image Name,Class"),
            table(header=None),
            table(separator=";"),
            table(separator="\t"),
            table(names=range(6)),
            table(labels=[f"{name},{k}" for k, name in enumerate(CLASSES)], header="id,label,age"),
            table(labels=[f"{k},{name}" for k, name in enumerate(CLASSES)], header="id,age,target"),
        ],
    )
    def test_its_forms(self, loose, text):
        (loose.parent / "labels.csv").write_text(text)
        assert_pets(load(loose, labels=loose.parent / "labels.csv"))

    def test_it_may_lie_within_the_folder_and_be_packed(self, loose):
        (loose / "labels.csv.gz").write_bytes(gzip.compress(table().encode()))
        assert_pets(load(loose, labels="labels.csv.gz"))

    def test_a_change_of_it_is_noticed(self, loose):
        place = loose.parent / "labels.csv"
        place.write_text(table())
        assert load(loose, labels=place).n_classes == 3
        place.write_text(table(labels=["cat", "dog"] * 3))
        assert load(loose, labels=place).class_names == ("cat", "dog")

    def test_a_column_that_is_chosen(self, loose):
        text = table(
            labels=[f"{name},{k % 2}" for k, name in enumerate(CLASSES)], header="id,kind,odd"
        )
        (loose / "labels.csv").write_text(text)
        with pytest.raises(DataError, match=r"kind, odd\. Say which .* label_column='NAME'"):
            load(loose, labels="labels.csv")
        assert load(loose, labels="labels.csv", label_column="odd").class_names == ("0", "1")
        assert load(loose, labels="labels.csv", label_column=1).n_classes == 3
        with pytest.raises(DataError, match="no column 'age'; its columns are id, kind, odd"):
            load(loose, labels="labels.csv", label_column="age")

    def test_parts_are_folders_or_words(self, loose):
        for number in range(2):
            write(loose / "test" / f"t{number}.png", IMAGES[number] + 100)
        names = [*(f"{k}.png" for k in range(6)), "t0.png", "t1.png"]
        words = ["train"] * 6 + ["test"] * 2
        labels = [f"{c},{w}" for c, w in zip([*CLASSES, "cat", "dog"], words, strict=True)]
        (loose / "l.csv").write_text(table(names, labels, header="image,label,split"))
        found = load(loose, labels="l.csv")
        assert (found.n_train, found.test.labels.tolist()) == (6, [0, 1])
        for number in range(6):
            (loose / "train").mkdir(exist_ok=True)
            (loose / f"{number}.png").rename(loose / "train" / f"{number}.png")
        (loose / "l.csv").write_text(table(names, [*CLASSES, "cat", "dog"]))
        found = load(loose, labels="l.csv")
        assert (found.n_train, found.test.labels.tolist()) == (6, [0, 1])

    def test_images_without_a_label_are_left_out_and_said(self, loose):
        (loose / "labels.csv").write_text(table([f"{k}.png" for k in range(4)], CLASSES[:4]))
        with pytest.warns(SourceWarning, match=r"2 images have no label .*: 4\.png, 5\.png"):
            assert len(load(loose, labels="labels.csv")) == 4

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("9.png,cat", "line 8: there is no image 9.png"),
            ("5.png,", "line 8: its label is empty"),
            ("0.png,dog", "line 8: 0.png is cat in a line before"),
            ("0.png", "line 8: has 1 fields"),
        ],
    )
    def test_rows_that_cannot_be_used(self, loose, line, problem):
        (loose / "labels.csv").write_text(table() + line + "\n")
        with pytest.raises(BadItemsError, match=problem):
            load(loose, labels="labels.csv")
        assert len(load(loose, labels="labels.csv", skip_bad=True)) == 6

    def test_a_file_that_is_named_twice_counts_once(self, loose):
        (loose / "labels.csv").write_text(table() + "0.png,cat\n")
        assert_pets(load(loose, labels="labels.csv"))

    def test_one_name_in_several_folders(self, tmp_path):
        for folder in ("a", "b"):
            write(tmp_path / "x" / folder / "1.png", IMAGES[0])
        (tmp_path / "x" / "l.csv").write_text("file,label\na/1.png,cat\nb/1.png,dog\n")
        assert load(tmp_path / "x", labels="l.csv").names == ["a/1.png", "b/1.png"]
        (tmp_path / "x" / "l.csv").write_text("file,label\na/1.png,cat\n1.png,dog\n")
        with pytest.raises(BadItemsError, match=r"several images are called 1\.png"):
            load(tmp_path / "x", labels="l.csv")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "0 columns"),
            ("a\nb\n", "1 columns"),
            ("id,label\nx,cat\n", "names no file below the folder: its rows are such as x, cat"),
        ],
    )
    def test_what_is_no_table_of_these_files(self, loose, text, message):
        (loose / "labels.csv").write_text(text)
        with pytest.raises(DataError, match=message):
            load(loose, labels="labels.csv")

    def test_a_table_that_is_not_there(self, loose):
        with pytest.raises(DataError, match=r"gone\.csv"):
            load(loose, labels="gone.csv")


class TestNames:
    @pytest.mark.usefixtures("no_warning")
    @pytest.mark.parametrize(
        ("form", "pattern"),
        [
            ("{name}.{number}.png", "."),
            ("{name}_{number}.png", "_"),
            ("{number}-{name}.png", r"\d+-(\w+)"),
            ("{name}{number}.png", "cat|dog|eel"),
        ],
    )
    def test_where_the_class_stands(self, tmp_path, form, pattern):
        for number, (image, name) in enumerate(zip(IMAGES, CLASSES, strict=True)):
            write(tmp_path / "x" / form.format(name=name, number=number), image)
        found = load(tmp_path / "x", label_from=pattern)
        assert found.counts.tolist() == [2, 2, 2]
        assert found.class_names == ("cat", "dog", "eel")

    def test_a_folder_of_images_without_labels(self, tmp_path):
        for number, (image, name) in enumerate(zip(IMAGES, CLASSES, strict=True)):
            write(tmp_path / "x" / "train" / f"{name}.{number}.png", image)
            write(tmp_path / "x" / "test1" / f"{number}.png", image)
        with pytest.warns(SourceWarning, match="x: test1 has no name that matches"):
            assert len(load(tmp_path / "x", label_from="(cat|dog|eel)")) == 6
        write(tmp_path / "x" / "7.png", IMAGES[0])
        with pytest.raises(
            BadItemsError, match=r"1 of 7 files .*\n  7\.png: its name has no match"
        ):
            load(tmp_path / "x", label_from="(cat|dog|eel)")

    def test_a_name_without_a_class(self, loose):
        write(loose / "cat_1.png", IMAGES[0])
        with pytest.raises(BadItemsError, match=r"0\.png: its name has no match of label_from='_'"):
            load(loose, label_from="_")

    def test_what_is_no_pattern(self, loose):
        with pytest.raises(ParameterError, match="no regular expression"):
            load(loose, label_from="(cat")
        with pytest.raises(ParameterError, match="cannot both be given"):
            load(loose, labels="x.csv", label_from="_")


def test_a_folder_of_loose_images_says_what_to_do(loose):
    with pytest.raises(DataError, match=r"labels='FILE.csv'.*label_from='PATTERN'"):
        load(loose)
    (loose / "train.csv").write_text(table())
    with pytest.raises(DataError, match=r"labels='train\.csv'"):
        load(loose)


@pytest.mark.parametrize("option", [{"labels": "x.csv"}, {"label_from": "_"}])
def test_other_sources_take_no_labels(tmp_path, option):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=np.array(CLASSES))
    with pytest.raises(DataError, match="is no folder of images: leave label"):
        load(tmp_path / "x.npz", **option)


def test_a_folder_of_classes_may_have_other_labels(tmp_path):
    root = write_class_folders(tmp_path / "x", IMAGES, CLASSES)
    names = [f"{name}/{number:05d}.png" for number, name in enumerate(CLASSES)]
    (tmp_path / "l.csv").write_text(table(names, ["a", "b"] * 3))
    assert load(root, labels=tmp_path / "l.csv").class_names == ("a", "b")
