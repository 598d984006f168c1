"""A folder of class folders: what is read, what is refused, and what is passed over."""

import os
import time
from contextlib import nullcontext

import numpy as np
import pytest

from imlogit import SourceWarning, load
from imlogit.data.images import decode_many, room
from imlogit.errors import BadItemsError, DataError

from helpers.archives import packed
from helpers.image_files import COLOUR, GREY, can_make, encoded, write, write_class_folders

IMAGES = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
CLASSES = ["cat", "dog", "cat", "dog", "eel", "eel"]


@pytest.fixture
def pets(tmp_path):
    return write_class_folders(tmp_path / "pets", IMAGES, CLASSES)


@pytest.fixture(params=["", ".zip", ".tar.gz"], ids=["folder", "zip", "tar.gz"])
def load_any(request):
    """Load a folder as it is, and packed."""
    return lambda folder, **how: load(packed(folder, request.param), **how)


def problems_of(path, **how):
    with pytest.raises(BadItemsError) as caught:
        load(path, **how)
    return caught.value, {one.where: one.what for one in caught.value.problems}


def test_classes_are_folders(load_any, pets):
    found = load_any(pets)
    assert found.name == "pets"
    assert found.class_names == ("cat", "dog", "eel")
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(found.images, IMAGES[[0, 2, 1, 3, 4, 5]])
    assert found.test is None
    assert found.skipped == ()
    assert str(pets) not in found.origin


def test_train_and_test_are_the_split(load_any, tmp_path):
    write_class_folders(tmp_path / "x" / "Train", IMAGES, CLASSES)
    write_class_folders(tmp_path / "x" / "test", IMAGES[:2] + 100, CLASSES[:2])
    write_class_folders(tmp_path / "x" / "masks", IMAGES[:2], CLASSES[:2])
    with pytest.warns(SourceWarning, match="only Train/, test/ are read; left out: masks"):
        found = load_any(tmp_path / "x")
    assert found.n_train == 6
    np.testing.assert_array_equal(found.test.images, IMAGES[:2] + 100)
    assert found.test.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("training", "validation", "testing"),
        ("TRAIN", "Valid", "Test"),
        ("train", "dev", "test"),
        ("training_set", "val_set", "test_set"),
        ("seg_train", "seg_val", "seg_test"),
        ("images-train", "images-val", "images-test"),
    ],
)
def test_names_of_parts(load_any, tmp_path, train, validation, test):
    write_class_folders(tmp_path / "x" / train, IMAGES, CLASSES)
    write_class_folders(tmp_path / "x" / validation, IMAGES[:3] + 50, CLASSES[:3])
    write_class_folders(tmp_path / "x" / test, IMAGES[:2] + 100, CLASSES[:2])
    found = load_any(tmp_path / "x")
    assert found.class_names == ("cat", "dog", "eel")
    assert (found.n_train, found.n_validation) == (6, 3)
    np.testing.assert_array_equal(found.validation.images, IMAGES[[0, 2, 1]] + 50)
    assert found.validation.labels.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(found.test.images, IMAGES[:2] + 100)
    assert found.names[6] == f"{validation}/cat/00000.png"
    assert found.names[-1] == f"{test}/dog/00001.png"


def test_a_validation_part_alone_is_the_test_part(load_any, tmp_path):
    write_class_folders(tmp_path / "x" / "train", IMAGES, CLASSES)
    write_class_folders(tmp_path / "x" / "val", IMAGES[:2], CLASSES[:2])
    with pytest.warns(SourceWarning, match="the validation part is the test part"):
        found = load_any(tmp_path / "x")
    assert (found.n_train, found.n_validation, len(found.test.labels)) == (6, 0, 2)
    # said of what was kept, too
    with pytest.warns(SourceWarning, match="the validation part is the test part"):
        assert load_any(tmp_path / "x").remarks == found.remarks


@pytest.mark.parametrize("around", ["pets", "pets/pets", "a/b/c"])
def test_folders_around_the_classes_are_seen_through(load_any, tmp_path, around):
    write_class_folders(tmp_path / "set" / around, IMAGES, CLASSES)
    assert load_any(tmp_path / "set").class_names == ("cat", "dog", "eel")


def test_folders_around_the_classes_of_a_part(load_any, tmp_path):
    for part in ("train", "test"):
        write_class_folders(tmp_path / "set" / part / part, IMAGES, CLASSES)
    found = load_any(tmp_path / "set")
    assert (found.class_names, found.n_train, len(found)) == (("cat", "dog", "eel"), 6, 12)


def test_groups_of_classes(load_any, tmp_path):
    animals = write_class_folders(tmp_path / "x" / "animals", IMAGES, CLASSES)
    write(tmp_path / "x" / "things" / "car" / "1.png", IMAGES[0])
    with pytest.warns(SourceWarning, match="the folder that an image lies in is its class"):
        found = load_any(tmp_path / "x")
    assert found.class_names == ("car", "cat", "dog", "eel")
    # what lies deeper in a folder with images is of its class
    write(animals / "1.png", IMAGES[1])
    assert load_any(tmp_path / "x").class_names == ("animals", "things")


def test_equal_folders_within_classes_are_no_classes(load_any, tmp_path):
    for name in ("ann", "bob"):
        write_class_folders(tmp_path / "x" / name, IMAGES, ["first", "second"] * 3)
    assert load_any(tmp_path / "x").class_names == ("ann", "bob")


@pytest.mark.parametrize("inner", ["", "unknown", "test"])
def test_a_test_part_without_labels(load_any, tmp_path, inner):
    write_class_folders(tmp_path / "x" / "train", IMAGES, CLASSES)
    write(tmp_path / "x" / "test" / inner / "1.png", IMAGES[0])
    with pytest.warns(SourceWarning, match=r"test/ has no class folders.*imlogit predict"):
        found = load_any(tmp_path / "x")
    assert (len(found), found.test) == (6, None)


def test_classes_that_are_called_train_and_test(load_any, tmp_path):
    found = load_any(write_class_folders(tmp_path / "x", IMAGES, ["train", "test"] * 3))
    assert found.class_names == ("test", "train")
    assert found.test is None


def test_a_class_that_only_the_test_part_has(load_any, tmp_path):
    write_class_folders(tmp_path / "x" / "train", IMAGES, CLASSES)
    write_class_folders(tmp_path / "x" / "test", IMAGES[:1], ["fox"])
    with pytest.raises(DataError, match="training part lacks: fox"):
        load_any(tmp_path / "x")


def test_numbers_are_in_the_order_of_numbers(tmp_path):
    found = load(write_class_folders(tmp_path / "x", IMAGES, ["10", "9", "2"] * 2))
    assert found.class_names == ("2", "9", "10")


def test_subfolders_and_what_systems_leave_behind(load_any, pets):
    write(pets / "cat" / "more" / "deep" / "x.PNG", IMAGES[0])
    write(pets / "cat" / ".DS_Store", b"x")
    write(pets / "__MACOSX" / "cat" / "00000.png", b"x")
    write(pets / "cat" / "notes.txt", IMAGES[0])
    write(pets / "cat" / "README", b"Cats of the neighbourhood")
    with pytest.warns(UserWarning, match=r"2 files .* not read, such as cat/README"):
        found = load_any(pets)
    assert len(found) == 7


def test_contents_decide_what_names_do_not_say(load_any, pets):
    write(pets / "cat" / "0", IMAGES[0])
    write(pets / "dog" / "0.tiff", IMAGES[1])
    found = load_any(pets)
    assert len(found) == 8
    np.testing.assert_array_equal(found.images[[0, 3]], IMAGES[:2])


def test_all_kinds_of_files_and_grey_beside_colour(load_any, tmp_path):
    root = write_class_folders(tmp_path / "x", [GREY, COLOUR], ["a", "b"])
    write(root / "a" / "z.webp", encoded(COLOUR, "WEBP", lossless=True))
    write(root / "b" / "z.bmp", encoded(GREY, "BMP"))
    found = load_any(root)
    assert found.image_shape == (6, 5, 3)
    np.testing.assert_array_equal(found.images[0], np.stack([GREY] * 3, axis=2))
    np.testing.assert_array_equal(found.images[1], COLOUR)
    assert load_any(root, grey=True).image_shape == (6, 5)


@pytest.mark.parametrize("looked_at", [64, 1])
def test_a_size_is_chosen_for_images_of_different_sizes(load_any, pets, monkeypatch, looked_at):
    monkeypatch.setattr("imlogit.data.images.sizes.LOOKED_AT", looked_at)
    write(pets / "dog" / "00002.png", GREY)
    with pytest.warns(SourceWarning, match="4 x 3 and 6 x 5 among them, become 3 x 3") as caught:
        found = load_any(pets)
    assert "size=(h, w)" in str(caught[0].message)
    assert (found.image_shape, found.fit) == ((3, 3), "crop")
    found = load_any(pets, size=(5, 7), fit="pad")
    assert (found.image_shape, found.fit) == ((5, 7), "pad")


@pytest.mark.parametrize(
    ("shape", "chosen"), [((300, 400), (64, 64)), ((400, 250), (64, 64)), ((250, 400), (250, 400))]
)
def test_large_photos_are_reduced_to_what_a_linear_model_can_use(tmp_path, rng, shape, chosen):
    channels = (3,) if chosen == (64, 64) else ()
    photos = rng.integers(0, 256, (4, *shape, *channels), dtype=np.uint8)
    folder = write_class_folders(tmp_path / "x", photos, ["a", "b"] * 2)
    with pytest.warns(SourceWarning, match="become 64 x 64") if channels else nullcontext():
        found = load(folder)
    assert found.image_shape[:2] == chosen
    if channels:  # the middle of it, antialiased
        side, (height, width) = min(shape), shape
        top, left = (height - side) // 2, (width - side) // 2
        middle = photos[0, top : top + side, left : left + side]
        assert abs(found.images[0].mean() - middle.mean()) < 0.5


def test_many_processes_give_what_one_gives(pets, monkeypatch):
    alone = load(pets)
    write(pets / "dog" / "bad.png", b"x")
    monkeypatch.setattr(decode_many, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(decode_many, "BATCH", 2)
    seen = []
    together = load(pets, skip_bad=True, progress=lambda *news: seen.append(news))
    np.testing.assert_array_equal(together.images, alone.images)
    assert [one.where for one in together.skipped] == ["dog/bad.png"]
    assert seen[-1] == ("decoding images", 7, 7)


class TestHostile:
    def test_no_folder_of_classes(self, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="no class folder with an image"):
            load(tmp_path / "empty")
        write(tmp_path / "loose" / "1.png", IMAGES[0])
        with pytest.raises(DataError, match=r"1 images lie in no class folder, such as 1.png"):
            load(tmp_path / "loose")

    @pytest.mark.parametrize(("name", "content"), [("cover.jpg", b"x"), ("cover", IMAGES[0])])
    def test_loose_images_beside_classes(self, load_any, pets, name, content):
        write(pets / name, content)
        write(pets / "LICENSE", b"CC BY")
        with pytest.warns(UserWarning, match=rf"1 images .*such as {name}, and were not read"):
            assert len(load_any(pets)) == 6

    def test_an_empty_class(self, load_any, pets):
        (pets / "gnu").mkdir()
        _, found = problems_of(pets)
        assert found == {"gnu": "the folder of this class holds no image"}
        assert load_any(pets, skip_bad=True).class_names == ("cat", "dog", "eel")

    def test_every_bad_file_is_named_and_may_be_passed_over(self, pets):
        bad = {
            "cat/a.png": (b"", "empty"),
            "cat/b.png": (encoded(GREY, "PPM"), "a PNM image, not"),
            "dog/c.jpg": (encoded(IMAGES[0])[:50], "damaged"),
        }
        for name, (content, _) in bad.items():
            write(pets / name, content)
        error, found = problems_of(pets)
        assert list(found) == list(bad)
        assert all(reason in found[name] for name, (_, reason) in bad.items())
        assert "3 of 9 files cannot be used" in str(error)
        assert "skip_bad=True" in str(error)
        rest = load(pets, skip_bad=True)
        np.testing.assert_array_equal(rest.images, IMAGES[[0, 2, 1, 3, 4, 5]])
        assert [one.where for one in rest.skipped] == list(bad)
        # the second time from the cache, with the same to say
        assert load(pets, skip_bad=True).skipped == rest.skipped

    def test_many_bad_files_are_counted(self, pets):
        for number in range(30):
            write(pets / "cat" / f"x{number}.png", b"x")
        error, found = problems_of(pets)
        assert len(found) == 30
        assert "and 20 more" in str(error)

    def test_nothing_but_bad_files(self, load_any, tmp_path):
        write(tmp_path / "x" / "a" / "1.png", b"x")
        with pytest.raises(DataError, match="none of 1 files can be used"):
            load_any(tmp_path / "x", skip_bad=True)

    def test_pipes_and_links(self, pets, tmp_path):
        outside = write(tmp_path / "outside.png", IMAGES[0])
        cat = pets / "cat"
        if not can_make(os.mkfifo, cat / "pipe.png"):
            pytest.skip("this system has no named pipes")
        (cat / "out.png").symlink_to(outside)
        (cat / "within.png").symlink_to(pets / "dog" / "00001.png")
        (cat / "gone.png").symlink_to(pets / "nowhere.png")
        (cat / "self.png").symlink_to(cat / "self.png")
        (cat / "loop").symlink_to(pets)
        (pets / "fox").symlink_to(tmp_path)
        began = time.process_time()
        _, found = problems_of(pets)
        assert time.process_time() - began < 2
        assert "named pipe" in found["cat/pipe.png"]
        assert "follow_links=True" in found["cat/out.png"]
        assert "follow_links=True" in found["fox"]
        assert "follow_links=True" in found["cat/loop"]
        assert {"cat/gone.png", "cat/self.png"} <= set(found)
        assert "cat/within.png" not in found

    def test_links_in_a_circle_end(self, pets):
        try:
            (pets / "cat" / "loop").symlink_to(pets)
        except OSError:
            pytest.skip("this system has no symbolic links")
        _, found = problems_of(pets, follow_links=True)
        assert found == {"cat/loop/cat": "a symbolic link in a circle"}

    def test_links_are_followed_if_asked(self, pets, tmp_path):
        write_class_folders(tmp_path / "elsewhere", IMAGES[:2] + 50, ["fox", "fox"])
        try:
            (pets / "fox").symlink_to(tmp_path / "elsewhere" / "fox")
        except OSError:
            pytest.skip("this system has no symbolic links")
        found = load(pets, follow_links=True)
        assert found.class_names == ("cat", "dog", "eel", "fox")

    def test_a_part_behind_a_link_is_read_if_asked(self, tmp_path):
        write_class_folders(tmp_path / "elsewhere", IMAGES, CLASSES)
        write_class_folders(tmp_path / "set" / "test", IMAGES[:2], CLASSES[:2])
        try:
            (tmp_path / "set" / "train").symlink_to(tmp_path / "elsewhere")
        except OSError:
            pytest.skip("this system has no symbolic links")
        with pytest.raises(DataError, match=r"set/train: a symbolic link.*follow_links=True"):
            load(tmp_path / "set")
        assert load(tmp_path / "set", follow_links=True).n_train == 6
        (tmp_path / "elsewhere" / "cat" / "00000.png").unlink()
        assert load(tmp_path / "set", follow_links=True).n_train == 5

    def test_two_folders_for_one_part(self, tmp_path):
        for name in ("train", "Train"):
            write_class_folders(tmp_path / "set" / name, IMAGES, CLASSES)
        if len(list((tmp_path / "set").iterdir())) < 2:
            pytest.skip("upper and lower case are one on this disk")
        with pytest.raises(DataError, match=r"two training parts, Train and train. Leave one"):
            load(tmp_path / "set")

    @pytest.mark.skipif(os.name == "nt", reason="names are text there")
    @pytest.mark.parametrize("name", ["new\nline", "tab\t", os.fsdecode(b"\xff\xfe")])
    def test_names_that_cannot_be_printed(self, pets, name):
        write(pets / "cat" / f"{name}.png", IMAGES[0])
        assert len(load(pets)) == 7
        write(pets / "cat" / f"{name}.png", b"x")
        error, _ = problems_of(pets)
        assert all(line.isprintable() for line in str(error).splitlines())
        write_class_folders(pets, IMAGES[:1], [name])
        with pytest.raises(DataError, match="no name that can be printed"):
            load(pets, skip_bad=True)

    def test_a_class_that_looks_like_markup(self, tmp_path):
        names = ["<script>", "[bold]", "a$b$"] * 2
        found = load(write_class_folders(tmp_path / "x", IMAGES, names))
        assert found.class_names == ("<script>", "[bold]", "a$b$")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the owner may read anything")
    def test_unreadable(self, pets):
        (pets / "cat" / "00000.png").chmod(0)
        (pets / "dog").chmod(0)
        _, found = problems_of(pets)
        assert "Permission denied" in found["cat/00000.png"]
        (pets / "dog").chmod(0o700)

    def test_a_file_that_vanishes_while_being_read(self, pets, monkeypatch):
        listed = decode_many._contents

        def vanishing(batch):
            (pets / "cat" / "00000.png").unlink(missing_ok=True)
            return listed(batch)

        monkeypatch.setattr(decode_many, "_contents", vanishing)
        _, found = problems_of(pets)
        assert "No such file" in found["cat/00000.png"]

    def test_more_images_than_memory(self, pets, monkeypatch):
        monkeypatch.setattr(room, "_physical_memory", lambda: 50)
        with pytest.raises(DataError, match="size="):
            load(pets)
