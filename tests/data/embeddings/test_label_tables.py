"""Labels of which a row has any number, in the files that embeddings come with."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from imlogit.data.embeddings.embedding_source import read_embeddings
from imlogit.errors import DataError

from helpers.tools import need

pa = need("pyarrow")
pq = need("pyarrow.parquet")

N = 12
X = np.random.default_rng(0).standard_normal((N, 3)).astype(np.float32)
Y = (np.random.default_rng(1).random((N, 3)) < 0.5).astype(np.uint8)
NAMES = ("sea", "sky", "sun, red")
NUMBERED = ("label 0", "label 1", "label 2")


def array(dtype):
    def make(folder):
        np.save(folder / "y.npy", Y.astype(dtype))
        return {"labels": folder / "y.npy"}

    return make


def npz(folder):
    np.savez(folder / "e.npz", x_train=X[:8], y_train=Y[:8], x_test=X[8:], y_test=Y[8:])
    return {"source": folder / "e.npz"}


def safetensors(folder):
    save_file({"features": X, "labels": Y.astype(bool)}, folder / "e.safetensors")
    return {"source": folder / "e.safetensors"}


def csv(folder, names=NAMES, table=Y, **given):
    lines = [",".join(f'"{name}"' for name in names), *(",".join(map(str, row)) for row in table)]
    (folder / "y.csv").write_text("\n".join(lines))
    return {"labels": folder / "y.csv", **given}


def asked_for(folder):
    wider = np.concatenate([np.arange(N)[:, None], Y], axis=1)
    return csv(folder, ("id", "sea", "sky", "sun"), wider, label_column="sun, sea")


def parquet(folder):
    columns = {"sea": Y[:, 0], "sky": Y[:, 1].astype(bool)}
    pq.write_table(pa.table(columns), folder / "y.parquet")
    return {"labels": folder / "y.parquet"}


def beside_embeddings(folder):
    columns = {"v": X.tolist(), "sea": Y[:, 0], "sky": Y[:, 1]}
    pq.write_table(pa.table(columns), folder / "e.parquet")
    return {"source": folder / "e.parquet", "label_column": "sea,sky"}


def shards(folder):
    folder = folder / "shards"
    folder.mkdir()
    for k in range(N):
        np.save(folder / f"img_emb_{k}.npy", X[k : k + 1])
        own = {"sea": Y[k : k + 1, 0], "sky": Y[k : k + 1, 1], "id": [f"image {k}"]}
        pq.write_table(pa.table(own), folder / f"metadata_{k}.parquet")
    return {"source": folder, "label_column": "sea,sky"}


@pytest.mark.parametrize(
    ("make", "columns", "names"),
    [
        (array(np.bool_), [0, 1, 2], NUMBERED),
        (array(np.uint8), [0, 1, 2], NUMBERED),
        (array(np.float64), [0, 1, 2], NUMBERED),
        (npz, [0, 1, 2], NUMBERED),
        (safetensors, [0, 1, 2], NUMBERED),
        (csv, [0, 1, 2], NAMES),
        (asked_for, [2, 0], ("sun", "sea")),
        (parquet, [0, 1], ("sea", "sky")),
        (beside_embeddings, [0, 1], ("sea", "sky")),
        (shards, [0, 1], ("sea", "sky")),
    ],
)
def test_every_form_gives_the_table_and_what_its_columns_are_called(make, columns, names, tmp_path):
    np.save(tmp_path / "x.npy", X)
    found = read_embeddings(**{"source": tmp_path / "x.npy", **make(tmp_path)})
    np.testing.assert_array_equal(found.features, X)
    np.testing.assert_array_equal(found.labels, Y[:, columns])
    assert (found.labels.dtype, found.class_names) == (np.uint8, names)
    assert found.multi_label


def test_a_single_column_is_one_class_a_row(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y[:, :1])
    found = read_embeddings(tmp_path / "x.npy", labels=tmp_path / "y.npy")
    np.testing.assert_array_equal(found.labels, Y[:, 0])
    assert (found.multi_label, found.class_names) == (False, ("0", "1"))


def with_one(value):
    table = Y.astype(np.float64)
    table[4, 1] = value
    return table


def deep(folder):
    np.save(folder / "y.npy", Y[:, :, None])
    return {"labels": folder / "y.npy"}


def saved(table):
    def make(folder):
        np.save(folder / "y.npy", table)
        return {"labels": folder / "y.npy"}

    return make


def of_another_part(table):
    def make(folder):
        np.save(folder / "own.npy", Y)
        np.save(folder / "y.npy", table)
        test = {"test": folder / "x.npy", "test_labels": folder / "y.npy"}
        return {"labels": folder / "own.npy", **test}

    return make


def in_another_order(folder):
    own = csv(folder)["labels"].rename(folder / "own.csv")
    other = csv(folder, NAMES[::-1])["labels"]
    return {"labels": own, "test": folder / "x.npy", "test_labels": other}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (saved(with_one(2)), "row 4 has '2.0' of label 1: .* give 0 or 1"),
        (saved(with_one(np.nan)), "row 4 has 'nan' of label 1"),
        (saved(np.full((N, 2), "yes")), "row 0 has 'yes' of label 0"),
        (saved(Y[:-1]), "12 embeddings, but 11 labels"),
        (deep, r"labels of the shape \(12, 3, 1\): give one class for each row, or a column"),
        (of_another_part(Y[:, 0]), "a class a row, those of another a table"),
        (of_another_part(Y[:, :2]), "the test part are 2 columns, .* the train part 3 columns"),
        (in_another_order, "give the same columns in one order"),
        (lambda folder: csv(folder, label_column="sea,moon"), "no column 'moon'"),
        (lambda folder: csv(folder, table=with_one(np.nan)), "no column called label"),
        (
            lambda folder: csv(folder, ("a", "b", "c"), with_one(np.nan), label_column="a,b"),
            "row 4 has 'nan' of b",
        ),
    ],
)
def test_what_is_no_table_of_labels_is_said(make, message, tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match=message):
        read_embeddings(**{"source": tmp_path / "x.npy", **make(tmp_path)})
