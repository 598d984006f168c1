"""Estimators on a cluster: one of their own, pickles, copies, and families of fits."""

import os
import pickle
import threading

import numpy as np
import pytest
from sklearn.base import clone

from imlogit import LogisticRegression, LogisticRegressionCV, bootstrap, cross_validate

from helpers.clusters import client_of, needs_dask
from helpers.tools import need

pytestmark = needs_dask


@pytest.fixture(scope="module")
def client():
    with client_of(2) as made:
        yield made


@pytest.fixture(scope="module")
def chunked(few):
    da = need("dask.array")
    images, is_two = few
    return da.from_array(images, chunks=(90, *images.shape[1:])), da.from_array(is_two, chunks=90)


def listening():
    """Where this process listens, this machine alone aside."""
    import psutil

    every = psutil.Process(os.getpid()).net_connections()
    return [one.laddr for one in every if one.status == "LISTEN" and one.laddr.ip != "127.0.0.1"]


def test_a_cluster_of_its_own_listens_to_nobody_and_is_closed(few):
    seen = []
    before, heard = set(threading.enumerate()), listening()

    def watch(news):
        seen.append(listening())

    found = cross_validate(LogisticRegression(engine="dask"), *few, cv=2, observe=watch)
    assert seen
    assert all(one == heard for one in seen)
    assert not hasattr(found.estimator, "client_")
    left = set(threading.enumerate()) - before
    assert not [one for one in left if "worker" in one.name.lower()]


def test_a_model_is_pickled_and_copied_without_its_client(few, client):
    model = LogisticRegression(engine="dask", client=client).fit(*few)
    assert model.client_ is client
    again = pickle.loads(pickle.dumps(model))
    assert again.client is None
    assert not hasattr(again, "client_")
    np.testing.assert_array_equal(again.predict(few[0]), model.predict(few[0]))
    assert clone(model).client is client
    local = model.to_local()
    assert (local.engine, local.client) == ("auto", None)
    np.testing.assert_array_equal(local.predict_proba(few[0]), model.predict_proba(few[0]))


def test_families_of_fits_are_those_of_one_process(few, client, chunked):
    """Folds, values of C and replicates are columns; a cluster changes no bit of them."""
    images, is_two = few
    ours, theirs = (
        LogisticRegressionCV(Cs=[0.01, 0.1], cv=2, engine=engine, client=client)
        for engine in ("dask", "numba")
    )
    np.testing.assert_array_equal(
        ours.fit(*chunked).out_of_fold_, theirs.fit(images, is_two).out_of_fold_
    )
    on, off = (LogisticRegression(engine=e, client=client) for e in ("dask", "numba"))
    folds = [cross_validate(one, *data, cv=2) for one, data in ((on, chunked), (off, few))]
    np.testing.assert_array_equal(folds[0].probabilities, folds[1].probabilities)
    draws = [bootstrap(one, *data, n=3) for one, data in ((on, chunked), (off, few))]
    np.testing.assert_array_equal(draws[0].coef, draws[1].coef)
