"""The Dask engine: the Numba engine's bits, whatever happens to the workers."""

import itertools
import os
import signal
import threading
import time

import numpy as np
import pytest

from imlogit import ClusterError, DataError, LogisticRegression
from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.engines.matrix import as_matrix
from imlogit.engines.scaled_matrix import NormalizedMatrix, StandardizedMatrix, standardization_of
from imlogit.engines.table import open_engine
from imlogit.estimators import checkpoints

from helpers.clusters import client_of, needs_dask
from helpers.matrices import Halves
from helpers.tools import need

pytestmark = needs_dask
N, D = 20_000, 12


@pytest.fixture(scope="module")
def client():
    with client_of(3) as made, made.as_current():
        yield made


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(3).integers(0, 256, (N, D), dtype=np.uint8)


@pytest.fixture(scope="module")
def labels(pixels):
    noise = np.random.default_rng(4).normal(size=(N, 3)) * 60
    return (pixels[:, :3] + noise).argmax(axis=1)


def kinds(pixels):
    standard = standardization_of(as_matrix(pixels), center=True)
    return {
        "uint8": pixels,
        "float32": pixels.astype(np.float32),
        "float16": pixels.astype(np.float16),
        "a matrix of its own": Halves(pixels),
        "standardised": StandardizedMatrix(NormalizedMatrix(as_matrix(pixels)), standard),
    }


@pytest.mark.parametrize(
    "kind",
    ["uint8", "float32", "float16", "a matrix of its own", "standardised"],
)
def test_every_sum_has_the_bits_of_one_process(client, pixels, labels, kind):
    given = kinds(pixels)[kind]
    rng, found = np.random.default_rng(1), []
    weights, residual = rng.normal(size=(20, D)) / 100, rng.normal(size=(20, N))
    center, some = rng.normal(size=D), np.array([N - 1, 3, 3, 9000])
    for name in ("numba", "dask"):
        with open_engine(name, given, 0.01) as engine:
            sums = [engine.n_rows, engine.largest, engine.working, engine.slot_bytes(3)]
            for k in (1, 2, 3, 20):
                sums += [engine.multiply(weights[:k]), engine.combine(residual[:k])]
            sums += [engine.center(), engine.rows(some, precise=True)]
            sums.append(engine.take(np.arange(50)).row_products(center))
            for n_classes in (2, 3):
                problem = engine.open(2, n_classes)
                k, at = (1, np.array([0])) if n_classes == 2 else (3, np.array([1, 0]))
                for slot in at:
                    codes = labels if n_classes == 3 else labels == 0
                    problem.admit(slot, regression(codes, n_classes, np.ones(N), 0.1))
                problem.place(at, weights[: k * len(at)].reshape(-1, k, D), precise=False)
                problem.extend(at, weights[-k * len(at) :].reshape(-1, k, D), precise=True)
                steps = np.tile([0.0, 0.3], (len(at), 1))
                sums += problem.evaluate(at, steps, np.zeros((len(at), k)))
                duals = np.full((len(at), n_classes), 0.9 if n_classes == 2 else 0.1)
                for precise in (False, True):
                    sums += problem.gradient(at, duals, precise=precise)
                sums += [*problem.gram(0, center), problem.curved_means(0)]
        found.append(sums)
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_sums_too_many_to_keep_by_lane(client, monkeypatch, pixels):
    """They are added up by block; blocks look at the rows alone."""
    monkeypatch.setattr("imlogit.engines.numba_cpu.PARTS_BYTES", 0)
    monkeypatch.setattr("imlogit.engines.numba_cpu.FEWEST_PARTS", 1)
    monkeypatch.setattr("imlogit.engines.dask.SUMS_BYTES", 1)
    residual = np.random.default_rng(0).normal(size=(4, N))
    found = [open_engine(name, pixels).combine(residual) for name in ("numba", "dask")]
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_rows_of_which_a_lane_is_no_block(client, monkeypatch, pixels, labels):
    monkeypatch.setattr("imlogit.engines.dask_matrix.BLOCK_BYTES", 30_000)
    with open_engine("dask", pixels, 1 / 255) as engine:
        assert len(engine.parts) == 8
        (found,) = solve(engine, [regression(labels, 3, np.ones(N), 0.1)], Settings())
    assert found.certificate.converged


def fit(X, y, **options):
    return LogisticRegression(tol=1e-8, **options).fit(X, y)


@pytest.fixture(scope="module")
def expected(pixels, labels):
    return fit(pixels, labels == 0, engine="numba")


def same(found, expected):
    np.testing.assert_array_equal(found.coef_, expected.coef_)
    np.testing.assert_array_equal(found.intercept_, expected.intercept_)
    assert found.certificate_.gap == expected.certificate_.gap


@pytest.mark.parametrize("n_workers", [1, 2, 8])
def test_any_number_of_workers_gives_the_same_bits(pixels, labels, expected, n_workers):
    with client_of(n_workers) as own:
        same(fit(pixels, labels == 0, engine="dask", client=own), expected)


class TestCollections:
    """Arrays and frames of Dask's."""

    @pytest.fixture(scope="class")
    @staticmethod
    def da():
        return need("dask.array")

    def test_chunks_of_any_size_and_empty_ones(self, client, da, pixels, labels, expected):
        sizes = (5, 0, 7000, 1, 0, N - 7006)
        X = da.from_array(pixels, chunks=(sizes, -1))
        model = fit(X, da.from_array(labels == 0, chunks=3000))
        same(model, expected)
        assert model.client_ is client

    def test_labels_sorted_so_that_blocks_hold_one_class(self, client, da, pixels, labels):
        order = np.argsort(labels, kind="stable")
        X = da.from_array(pixels[order], chunks=(1500, -1))
        y = da.from_array(np.array(["a", "b", "c"])[labels[order]], chunks=1500)
        found, one = (fit(a, b) for a, b in ((X, y), (pixels[order], y.compute())))
        same(found, one)
        assert found.classes_.tolist() == ["a", "b", "c"]

    def test_frames_with_lengths_unknown(self, client, pixels, labels, expected):
        dd, pd = need("dask.dataframe"), need("pandas")
        frame = pd.DataFrame(pixels, columns=[f"p{k}" for k in range(D)]).assign(y=labels == 0)
        parts = dd.from_pandas(frame, npartitions=5)
        # lengths are known no more, and five partitions have no rows
        parts = dd.concat([parts[parts.p0 < 0], parts[parts.p0 >= 0]])
        X, y = parts.drop(columns="y"), parts.y
        model = fit(X, y, engine="dask")
        same(model, expected)
        assert model.feature_names_in_.tolist() == list(X.columns)
        lazy = model.predict_proba(X)
        assert hasattr(lazy, "dask")
        names = frame.drop(columns="y")
        np.testing.assert_array_equal(lazy.compute(), expected.predict_proba(names.to_numpy()))

    @pytest.mark.parametrize(
        "name", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    )
    def test_predictions_wait_until_they_are_asked_for(self, client, da, pixels, expected, name):
        X = da.from_array(pixels, chunks=((0, 9000, N - 9000), -1))
        found = getattr(expected, name)(X)
        now = getattr(expected, name)(pixels)
        assert (found.shape, found.dtype) == (now.shape, now.dtype)
        np.testing.assert_array_equal(found.compute(), now)

    def test_images_and_weights_and_scaling(self, client, da, pixels, labels):
        images, weights = pixels.reshape(N, 4, 3), labels + 0.5
        how = {"normalize": "l2", "standardize": True}
        one = LogisticRegression(**how).fit(images, labels, weights)
        found = LogisticRegression(**how).fit(
            da.from_array(images, chunks=(6000, -1, -1)),
            da.from_array(labels, chunks=6000),
            da.from_array(weights, chunks=5000),
        )
        np.testing.assert_allclose(found.coef_, one.coef_, atol=1e-6)
        assert found.image_shape_ == (4, 3)

    def test_what_cannot_be_is_refused_by_name(self, client, da, pixels, labels):
        X = da.from_array(pixels, chunks=(1000, -1))
        with pytest.raises(DataError, match=r"chunks along axis 1.*X\.rechunk\(\{0: 'auto', 1: -1"):
            fit(X.rechunk({1: 5}), labels)
        short = da.from_array(labels[:-100], chunks=((1000, 1000, 900) + (1000,) * 17,))
        with pytest.raises(DataError, match="block 2, counted from 0, has 1,000 .* and 900 of y"):
            fit(X, short)
        with pytest.raises(ValueError, match="engine='numba' does not read rows on a cluster"):
            fit(X, labels, engine="numba")
        values = pixels.astype(float)
        values[17_500, 3] = np.nan
        with pytest.raises(DataError, match=r"NaN in 1 of 20,000 rows \(17500, in block 17\)"):
            fit(da.from_array(values, chunks=(1000, -1)), labels)


def test_more_workers_than_blocks(client, pixels, labels):
    few = slice(0, 40)
    with open_engine("dask", pixels[few]) as engine:
        assert len(engine.parts) < 3
    found, expected = (
        fit(pixels[few], labels[few] == 0, engine=engine, client=client)
        for engine in ("dask", "numba")
    )
    same(found, expected)


def test_a_worker_that_joins_late_takes_what_another_leaves(pixels):
    weights = np.random.default_rng(0).normal(size=(1, D))
    expected = open_engine("numba", pixels).multiply(weights)
    with client_of(1) as own, own.as_current(), open_engine("dask", pixels) as engine:
        engine.multiply(weights)
        (first,) = own.scheduler_info()["workers"]
        own.cluster.scale(2)
        own.wait_for_workers(2)
        own.retire_workers([first])
        np.testing.assert_array_equal(engine.multiply(weights), expected)


def test_two_fits_at_once_on_one_client(client, pixels, labels, expected):
    found = {}

    def work(name):
        found[name] = fit(pixels, labels == 0, engine="dask", client=client)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(2):
        same(found[k], expected)


def test_another_version_on_a_worker_is_named(client, monkeypatch, pixels):
    monkeypatch.setattr("imlogit.engines.cluster.VERSION", "numpy:__version__")
    with pytest.raises(ClusterError, match=f"has imlogit {np.__version__}, and the client has"):
        open_engine("dask", pixels)


def test_a_worker_of_another_version_that_joins_late(client, monkeypatch, pixels):
    engine = open_engine("dask", pixels)
    monkeypatch.setattr("imlogit.__version__", "0.0.0")
    with pytest.raises(ClusterError, match=r"worker has imlogit 0\.0\.0, and the client has"):
        engine.multiply(np.ones((1, D)))


def test_a_client_that_is_closed(pixels, labels):
    with client_of() as own:
        pass
    with pytest.raises(ClusterError, match="client is closed"):
        fit(pixels, labels, engine="dask", client=own)


def test_a_scheduler_that_is_lost_in_a_fit_that_is_gone_on_with(
    pixels, labels, expected, monkeypatch, tmp_path
):
    monkeypatch.setattr(checkpoints, "PAUSE", 0.0)
    monkeypatch.setattr(checkpoints, "PAUSE_SHARE", 0.0)
    kept, write, times = tmp_path / "kept", checkpoints.write_bytes, itertools.count(1)
    with client_of(2) as own:

        def lose(path, content):
            write(path, content)
            if next(times) == 2:
                lost = own.scheduler_comm
                own.loop.add_callback(lost.comm.abort)
                while own.scheduler_comm is lost:
                    time.sleep(0.01)

        on = LogisticRegression(tol=1e-8, engine="dask", client=own)
        monkeypatch.setattr(checkpoints, "write_bytes", lose)
        with pytest.raises(ClusterError, match=r"scheduler inproc://.* does not answer"):
            on.fit(pixels, labels == 0, checkpoint=kept)
        assert kept.exists()
    monkeypatch.setattr(checkpoints, "write_bytes", write)
    with client_of(2) as another:
        found = on.set_params(client=another).fit(pixels, labels == 0, checkpoint=kept)
    assert found.certificate_.converged
    assert not kept.exists()
    radius = sum(np.sqrt(2 * one.certificate_.gap) for one in (found, expected))
    assert np.linalg.norm(found.coef_ - expected.coef_) <= radius


def test_what_is_no_client(pixels, labels):
    with pytest.raises(TypeError, match=r"client='tcp://host' is no distributed\.Client"):
        fit(pixels, labels, engine="dask", client="tcp://host")


def test_no_workers(monkeypatch, pixels, labels):
    monkeypatch.setattr("imlogit.engines.cluster.FIRST_WORKER", 0.1)
    with client_of(0) as own, pytest.raises(ClusterError, match="has no workers"):
        fit(pixels, labels, engine="dask", client=own)


@pytest.fixture(scope="module")
def processes():
    """Two workers that can be killed, and that a nanny starts again."""
    with client_of(2, processes=True) as made:
        yield made


def test_a_worker_that_is_killed_is_replaced(processes, pixels, labels, expected):
    done = threading.Event()

    def kill():
        time.sleep(0.3)
        os.kill(processes.run(os.getpid).popitem()[1], signal.SIGKILL)
        done.set()

    killer = threading.Thread(target=kill)
    killer.start()
    while not done.is_set():
        same(fit(pixels, labels == 0, engine="dask", client=processes), expected)
    killer.join()
