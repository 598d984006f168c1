import numpy as np
import pytest
from safetensors.numpy import save_file

from imlogit.data.embeddings.embedding_source import read_embeddings
from imlogit.errors import DataError

from helpers.tools import need

h5py = need("h5py")
pa = need("pyarrow")
pq = need("pyarrow.parquet")

N, D = 12, 4
X = np.random.default_rng(0).standard_normal((N, D)).astype(np.float16)
Y = np.arange(N) % 3
WORDS = np.array(["ant", "bee", "cat"])[Y]


def npy(folder):
    np.save(folder / "x.npy", X)
    np.save(folder / "labels.npy", Y)
    return folder / "x.npy", folder / "labels.npy"


def npz(folder):
    np.savez(folder / "e.npz", x_train=X[:8], y_train=Y[:8], x_test=X[8:], y_test=Y[8:])
    return folder / "e.npz", None


def safetensors(folder):
    save_file({"features": X, "labels": Y}, folder / "e.safetensors")
    return folder / "e.safetensors", None


def hdf5(folder):
    with h5py.File(folder / "e.h5", "w") as file:
        file.create_dataset("x", data=X, compression="gzip")
        file["y"] = [word.encode() for word in WORDS]
    return folder / "e.h5", None


def fixed_lists(folder):
    lists = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), D)
    pq.write_table(pa.table({"embedding": lists, "label": WORDS}), folder / "e.parquet")
    return folder / "e.parquet", None


def lists(folder):
    table = pa.table({"v": [row.tolist() for row in X.astype(float)], "class": Y})
    pq.write_table(table, folder / "e.parquet", row_group_size=5)
    return folder / "e.parquet", None


def shards(folder):
    # twelve of them, which stand in another order by their names than by their numbers
    for k in range(N):
        np.save(folder / f"img_emb_{k}.npy", X[k : k + 1])
        pq.write_table(pa.table({"label": WORDS[k : k + 1]}), folder / f"metadata_{k}.parquet")
    return folder, None


def manifest(folder):
    for k, row in enumerate(X):
        np.save(folder / f"image{k}.npy", row)
    lines = ["file,label", *(f"image{k}.npy,{word}" for k, word in enumerate(WORDS))]
    (folder / "manifest.csv").write_text("\n".join(lines))
    return folder, None


def pairs(folder):
    for part, rows in (("train", slice(8)), ("test", slice(8, None))):
        np.save(folder / f"{part}.npy", X[rows])
        np.save(folder / f"{part}_labels.npy", Y[rows])
    return folder, None


MAKERS = (npy, npz, safetensors, hdf5, fixed_lists, lists, shards, manifest, pairs)


@pytest.mark.parametrize("make", MAKERS)
def test_every_form_gives_the_rows_in_order_with_their_labels(make, tmp_path):
    source, labels = make(tmp_path)
    found = read_embeddings(source, labels=labels)
    np.testing.assert_array_equal(found.features, X)
    names = np.array(found.class_names)[found.labels]
    assert names.tolist() in (WORDS.tolist(), [str(one) for one in Y])
    assert found.n_train == (8 if make in (npz, pairs) else N)


@pytest.mark.parametrize("make", [npy, safetensors])
def test_halves_stay_in_their_file(make, tmp_path):
    source, labels = make(tmp_path)
    found = read_embeddings(source, labels=labels).features
    assert found.dtype == np.float16
    while not isinstance(found, np.memmap):
        assert not found.flags.owndata
        found = found.base


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.txt", "\n".join(WORDS)),
        ("l.csv", "id,label\n" + "\n".join(f"{k},{word}" for k, word in enumerate(WORDS))),
    ],
)
def test_labels_of_text_and_of_tables(name, text, tmp_path):
    source, _ = npy(tmp_path)
    (tmp_path / name).write_text(text)
    found = read_embeddings(source, labels=tmp_path / name)
    assert found.class_names == ("ant", "bee", "cat")
    np.testing.assert_array_equal(found.labels, Y)


def test_parts_from_files_of_their_own(tmp_path):
    source, labels = npy(tmp_path)
    parts = {"validation": source, "validation_labels": labels}
    found = read_embeddings(source, labels=labels, **parts, test=source, test_labels=labels)
    assert (found.n_train, found.n_validation, len(found)) == (N, N, 3 * N)


def truncated(make):
    def cut(folder):
        source, labels = make(folder)
        data = source.read_bytes()
        source.write_bytes(data[:-9])
        return source, labels

    return cut


def gap(folder):
    shards(folder)
    (folder / "img_emb_7.npy").unlink()
    return folder, None


def shorter(folder):
    source, labels = npy(folder)
    np.save(labels, Y[:-1])
    return source, labels


def nan_rows(folder):
    source, labels = npy(folder)
    np.save(source, np.where(np.isin(np.arange(N), (2, 5))[:, None], np.nan, X))
    return source, labels


def objects(folder):
    source, labels = npy(folder)
    np.save(source, np.array([None] * N), allow_pickle=True)
    return source, labels


def ragged(folder):
    pq.write_table(pa.table({"v": [[1.0, 2.0], [1.0]], "label": [0, 1]}), folder / "e.parquet")
    return folder / "e.parquet", None


def absent(folder):
    source, _ = manifest(folder)
    (folder / "image3.npy").unlink()
    return source, None


def outside(folder):
    (folder / "in").mkdir()
    np.save(folder / "out.npy", X[0])
    (folder / "in" / "m.csv").write_text("file,label\n../out.npy,a\n")
    return folder / "in", None


def linked(folder):
    with h5py.File(folder / "e.h5", "w") as file:
        file["x"], file["y"] = h5py.ExternalLink("other.h5", "/x"), Y
    return folder / "e.h5", None


def filtered(folder):
    with h5py.File(folder / "e.h5", "w") as file:
        file.create_dataset("x", data=X, compression="lzf")
        file["y"] = Y
    return folder / "e.h5", None


def untyped(folder):
    header = b'{"x": {"data_offsets": [0, 4]}, "y": {"data_offsets": [0, 4]}}'
    data = len(header).to_bytes(8, "little") + header + bytes(4)
    (folder / "e.safetensors").write_bytes(data)
    return folder / "e.safetensors", None


def no_table(folder):
    (folder / "m.csv").write_text('file,label\n"a,b\n')
    return folder, None


def pickled(folder):
    (folder / "e.pt").write_bytes(b"\x80\x02}q\x00.")
    return folder / "e.pt", None


def unlabelled(folder):
    return npy(folder)[0], None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (truncated(npy), "cut short"),
        (truncated(safetensors), "cut short"),
        (truncated(hdf5), "damaged"),
        (gap, "number 7 is missing"),
        (shorter, "12 embeddings, but 11 labels"),
        (nan_rows, "2 rows of the features .*row 2, row 5"),
        (objects, "never unpickled"),
        (ragged, "row 1 has 1 numbers, row 0 has 2"),
        (absent, "1 files that are not there: image3.npy"),
        (outside, "outside of the folder"),
        (linked, "a link to elsewhere"),
        (filtered, "a filter that HDF5 does not bring"),
        (untyped, "damaged"),
        (no_table, "damaged"),
        (pickled, "safetensors.numpy.save_file"),
        (unlabelled, "brings no labels"),
    ],
)
def test_what_is_wrong_is_said(make, message, tmp_path):
    source, labels = make(tmp_path)
    with pytest.raises(DataError, match=message):
        read_embeddings(source, labels=labels)


def test_parts_with_other_numbers_of_features_are_refused(tmp_path):
    source, labels = npy(tmp_path)
    np.save(tmp_path / "t.npy", X[:, 1:])
    with pytest.raises(DataError, match=r"The test part has the shape \(12, 3\)"):
        read_embeddings(source, labels=labels, test=tmp_path / "t.npy", test_labels=labels)
