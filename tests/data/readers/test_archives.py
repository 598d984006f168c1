"""Archives of class folders: read as the folder that was packed, whatever a stranger packed."""

import contextlib
import gzip
import tarfile
import zipfile

import numpy as np
import pytest

from imlogit import SourceWarning, load
from imlogit.data.formats import archive as archives_of
from imlogit.data.images import decode_many
from imlogit.errors import BadItemsError, DataError

from helpers.archives import packed, write_archive
from helpers.image_files import GREY, encoded, write, write_class_folders

IMAGES = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
CLASSES = ["cat", "dog", "cat", "dog", "eel", "eel"]
MEMBERS = {
    f"{name}/{number}.png": encoded(image)
    for number, (image, name) in enumerate(zip(IMAGES, CLASSES, strict=True))
}
ENDINGS = [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"]
KINDS = [".zip", ".tar", ".tar.gz"]


def is_one_line(message):
    return len(message.splitlines()) == 1 and message.isprintable()


def refused(path, **how):
    with pytest.raises(DataError) as caught:
        load(path, **how)
    assert is_one_line(str(caught.value))
    return str(caught.value)


def tar_with(path, *members):
    """Write a tar archive of MEMBERS and of further members, which hold nothing."""
    write_archive(path, MEMBERS)
    with tarfile.open(path, "a") as archive:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_is_what_its_folder_is(tmp_path, ending):
    write_class_folders(tmp_path / "pets" / "train", IMAGES, CLASSES)
    write_class_folders(tmp_path / "pets" / "val", IMAGES[:3] + 50, CLASSES[:3])
    write_class_folders(tmp_path / "pets" / "test", IMAGES[:2] + 100, CLASSES[:2])
    folder, found = load(tmp_path / "pets"), load(packed(tmp_path / "pets", ending))
    assert found.name == folder.name == "pets"
    assert found.origin == "an archive of class folders"
    assert found.names == folder.names
    assert found.class_names == folder.class_names
    assert found.sha256 == folder.sha256
    for part in ("train", "validation", "test"):
        ours, theirs = getattr(found, part), getattr(folder, part)
        np.testing.assert_array_equal(ours.images, theirs.images)
        np.testing.assert_array_equal(ours.labels, theirs.labels)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_by_several_processes(tmp_path, monkeypatch, method):
    path = write_archive(tmp_path / "pets.zip", MEMBERS, method)
    monkeypatch.setattr(decode_many, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(decode_many, "BATCH", 2)
    np.testing.assert_array_equal(load(path).images, IMAGES[[0, 2, 1, 3, 4, 5]])


@pytest.mark.parametrize("ending", KINDS)
def test_photos_of_different_sizes_become_small(tmp_path, rng, ending):
    photos = {
        f"{name}/{k}.jpg": encoded(rng.integers(0, 256, (200 + k, 240, 3), np.uint8), "JPEG")
        for k, name in enumerate("abab")
    }
    with pytest.warns(SourceWarning, match="become 64 x 64"):
        found = load(write_archive(tmp_path / f"photos{ending}", photos))
    assert found.image_shape == (64, 64, 3)


@pytest.mark.parametrize("ending", KINDS)
def test_labels_beside_an_archive_within_it_and_in_names(tmp_path, ending):
    loose = {f"{name}_{k}.png": encoded(IMAGES[k]) for k, name in enumerate(CLASSES)}
    table = "".join(f"{name},{name[:3]}\n" for name in sorted(loose))
    path = write_archive(tmp_path / f"pets{ending}", {**loose, "labels.csv": table.encode()})
    by_names = load(path, label_from="_")
    assert by_names.class_names == ("cat", "dog", "eel")
    np.testing.assert_array_equal(by_names.images, IMAGES[[0, 2, 1, 3, 4, 5]])
    assert "labels='labels.csv'" in refused(path)
    assert load(path, labels="labels.csv").sha256 == by_names.sha256
    assert "other.csv" in refused(path, labels="other.csv")
    write(tmp_path / "labels.csv", table.encode())
    assert load(path, labels=tmp_path / "labels.csv").sha256 == by_names.sha256


@pytest.mark.parametrize("ending", KINDS)
def test_what_systems_leave_behind(tmp_path, ending):
    litter = {"__MACOSX/cat/._0.png": b"x", "cat/.DS_Store": b"x", ".git/x.png": b"x"}
    assert len(load(write_archive(tmp_path / f"x{ending}", {**MEMBERS, **litter}))) == 6


def test_names_from_windows_and_in_utf_8_that_is_not_declared(tmp_path):
    path = write_archive(tmp_path / "x.zip", {"K@@fer\\1.png": encoded(GREY), **MEMBERS})
    path.write_bytes(path.read_bytes().replace(b"K@@fer", "Käfer".encode()))
    assert load(path, size=(4, 3)).class_names == ("Käfer", "cat", "dog", "eel")


def test_names_that_are_no_text(tmp_path):
    path = write_archive(tmp_path / "x.tar", {"cat/\udcff\n.png": b"x", **MEMBERS})
    with pytest.raises(BadItemsError) as caught:
        load(path)
    assert [one.where for one in caught.value.problems] == [r"cat/\xff\n.png"]


class TestHostile:
    @pytest.mark.parametrize("ending", KINDS)
    @pytest.mark.parametrize(
        "name", ["../x/1.png", "cat/../../1.png", "/etc/1.png", "C:/x/1.png", "a/" * 200 + "1.png"]
    )
    def test_names_that_lead_out_are_left_out(self, tmp_path, ending, name):
        path = write_archive(tmp_path / f"x{ending}", {name: encoded(GREY), **MEMBERS})
        with pytest.warns(SourceWarning, match="1 names that lead out of the archive") as caught:
            found = load(path)
        assert len(caught) == 1
        assert found.class_names == ("cat", "dog", "eel")
        assert {one.name for one in tmp_path.iterdir()} <= {path.name, "cache"}

    def test_links_and_pipes_in_a_tar_archive(self, tmp_path):
        path = tar_with(
            tmp_path / "x.tar",
            ("cat/link.png", tarfile.SYMTYPE, "/etc/passwd"),
            ("cat/gone.png", tarfile.LNKTYPE, "../../secret.png"),
            ("dog/fox", tarfile.SYMTYPE, "/"),
            ("dog/pipe.png", tarfile.FIFOTYPE, ""),
            ("eel/again.png", tarfile.LNKTYPE, "cat/0.png"),
        )
        with pytest.raises(BadItemsError) as caught:
            load(path)
        found = {one.where: one.what for one in caught.value.problems}
        assert list(found) == ["cat/gone.png", "cat/link.png", "dog/fox", "dog/pipe.png"]
        assert "link" in found["cat/link.png"]
        assert "named pipe" in found["dog/pipe.png"]
        np.testing.assert_array_equal(load(path, skip_bad=True).images[-1], IMAGES[0])

    def test_a_link_in_a_zip_archive(self, tmp_path):
        path = write_archive(tmp_path / "x.zip", MEMBERS)
        with zipfile.ZipFile(path, "a") as archive:
            link = zipfile.ZipInfo("cat/link.png")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        with pytest.raises(BadItemsError, match=r"cat/link.png: a link"):
            load(path)

    @pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".tar.xz"])
    def test_a_bomb(self, tmp_path, monkeypatch, ending):
        monkeypatch.setattr(archives_of, "HARMLESS_BYTES", 1000)
        path = write_archive(tmp_path / f"x{ending}", {**MEMBERS, "cat/x.png": bytes(1 << 21)})
        assert "over 100 times its size" in refused(path)

    def test_a_packed_tar_archive_of_more_than_is_held(self, tmp_path, monkeypatch):
        monkeypatch.setattr(archives_of, "MOST_HELD", 300)
        assert "Unpack it" in refused(write_archive(tmp_path / "x.tar.gz", MEMBERS))
        assert len(load(write_archive(tmp_path / "x.tar", MEMBERS))) == 6

    @pytest.mark.parametrize(
        ("at", "bits", "message"), [(8, 1, "is encrypted"), (10, 99, r"method 99")]
    )
    def test_encrypted_or_packed_otherwise(self, tmp_path, at, bits, message):
        path = write_archive(tmp_path / "x.zip", MEMBERS)
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\1\2") + at] = bits
        path.write_bytes(content)
        assert message in refused(path)

    @pytest.mark.parametrize("ending", ENDINGS)
    @pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
    def test_cut_short(self, tmp_path, ending, part):
        path = write_archive(tmp_path / f"x{ending}", MEMBERS)
        content = path.read_bytes()
        if ending == ".tar":  # its end is filled up
            content = content[: len(MEMBERS) * 1024]
        path.write_bytes(content[: int(len(content) * part) + 1])
        assert "damaged" in refused(path)

    def test_a_damaged_header_is_not_the_end_of_a_tar_archive(self, tmp_path):
        content = bytearray(write_archive(tmp_path / "x.tar", MEMBERS).read_bytes())
        content[2 * 1024] ^= 1
        (tmp_path / "x.tar").write_bytes(content)
        (tmp_path / "y.tar.gz").write_bytes(gzip.compress(bytes(content)))
        assert "damaged" in refused(tmp_path / "x.tar")
        assert "damaged" in refused(tmp_path / "y.tar.gz")

    @pytest.mark.parametrize("pack", [bytes, gzip.compress])
    def test_a_tar_archive_that_ends_between_two_files(self, tmp_path, pack):
        content = write_archive(tmp_path / "whole.tar", MEMBERS).read_bytes()[: 4 * 1024]
        assert "its end is missing" in refused(write(tmp_path / "x.tar", pack(content)))

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    @pytest.mark.parametrize("at", [0, 50])
    def test_a_damaged_member_costs_no_other(self, tmp_path, method, at):
        path = write_archive(tmp_path / "x.zip", MEMBERS, method)
        content = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            content[archive.getinfo("dog/1.png").header_offset + at] ^= 0xFF
        path.write_bytes(content)
        with pytest.raises(BadItemsError) as caught:
            load(path)
        problems = [str(one) for one in caught.value.problems]
        assert problems == ["dog/1.png: damaged within its archive"]
        rest = load(path, skip_bad=True)
        np.testing.assert_array_equal(rest.images, IMAGES[[0, 2, 3, 4, 5]])

    @pytest.mark.parametrize("declared", [0, 10, 10**6])
    def test_a_member_of_another_size_than_it_declares(self, tmp_path, declared):
        path = write_archive(tmp_path / "x.zip", MEMBERS)
        content = bytearray(path.read_bytes())
        start = content.index(b"PK\1\2") + 24
        content[start : start + 4] = declared.to_bytes(4, "little")
        path.write_bytes(content)
        with pytest.raises(BadItemsError, match=r"cat/0.png: damaged within its archive"):
            load(path)

    @pytest.mark.parametrize("ending", KINDS)
    def test_a_member_larger_than_is_read(self, tmp_path, ending):
        path = write_archive(tmp_path / f"x{ending}", {**MEMBERS, "cat/x.png": bytes(5000)})
        with pytest.raises(BadItemsError, match=r"cat/x.png: .*max_megabytes=1 allows it"):
            load(path, max_megabytes=0.004)

    @pytest.mark.parametrize("ending", KINDS)
    @pytest.mark.parametrize(
        ("members", "message"),
        [
            ({"a/digits.npz": b"x", "README": b"x"}, "It holds README, a/digits.npz. Unpack it"),
            ({"train-images-idx3-ubyte": b"\0\0\10\3"}, "holds train-images-idx3-ubyte. Unpack"),
            ({}, "is empty"),
        ],
    )
    def test_archives_of_no_images(self, tmp_path, ending, members, message):
        assert message in refused(write_archive(tmp_path / f"x{ending}", members))

    @pytest.mark.parametrize("ending", KINDS)
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"<html>" * 200, "is HTML text (a failed download?), not an archive"),
            (b"Rar!\x1a\7" + bytes(999), "is a RAR archive, not an archive of the kind"),
            (b"\1\2\3\4" * 500, "damaged, or not the archive that its name says"),
        ],
    )
    def test_another_file_by_the_name_of_an_archive(self, tmp_path, ending, content, message):
        assert message in refused(write(tmp_path / f"x{ending}", content))

    @pytest.mark.filterwarnings("ignore::imlogit.SourceWarning")
    def test_any_change_is_read_or_refused(self, tmp_path):
        rng = np.random.default_rng(0)
        for ending in KINDS:
            content = write_archive(tmp_path / f"x{ending}", MEMBERS).read_bytes()
            for number in range(30):
                changed = bytearray(content)
                for at in rng.integers(len(content), size=3):
                    changed[at] = rng.integers(256)
                with contextlib.suppress(DataError):
                    load(write(tmp_path / f"{number}{ending}", bytes(changed)), skip_bad=True)


def test_a_table_of_pixels_in_a_zip_archive_is_still_a_table(tmp_path):
    lines = ["label,pixel0,pixel1,pixel2,pixel3", "a,1,2,3,4", "b,5,6,7,8", ""]
    path = write_archive(tmp_path / "x.zip", {"train.csv": "\n".join(lines).encode()})
    assert load(path).origin == "a CSV file"
