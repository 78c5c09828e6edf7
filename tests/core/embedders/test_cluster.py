"""Embedding, bootstrap and learning curve on a Dask cluster of two worker processes: the results of one process."""

import os

import joblib
import numpy as np
import pytest

from hybrid_router_core import RoutingDataset
from hybrid_router_core.embedders import embed_in_batches, resolve_embedder
from hybrid_router_core.evaluation import Outcomes, evaluate_scores
from hybrid_router_core.inspection.learning_curve import learning_curve

distributed = pytest.importorskip("distributed", reason="needs pip install distributed (in the dev dependencies)")

pytestmark = pytest.mark.filterwarnings("default")  # Dask's own, about its ports and its closing, are not ours to mend


class Whoami:
    """An embedder whose vectors tell the process that made them."""

    name = "custom"

    def encode(self, texts):
        return np.full((len(texts), 1), os.getpid(), dtype=np.float32)

    def fingerprint(self):
        return "whoami"


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as local,
        distributed.Client(local) as client,
    ):
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def on_cluster(cluster):
    with joblib.parallel_config(backend="dask"):
        yield cluster


def outcomes(n=3000):
    rng = np.random.default_rng(0)
    scores = rng.random(n)
    small, large = (rng.random(n) < scores).astype(float), (rng.random(n) < 0.8).astype(float)
    return Outcomes(scores, small, large, (small >= large).astype(float), np.full(n, 0.1), np.ones(n))


def measured(resamples=110):
    return evaluate_scores(outcomes(), threshold=0.5, resamples=resamples)


def learnable():
    forms = ("What is the name of number {}?", "Prove the theorem of number {} and its corollary.")
    rng = np.random.default_rng(0)
    rows = [
        {"query": forms[i % 2].format(i), "small_quality": float(draw > 0.1 + 0.8 * (i % 2)), "large_quality": 1.0}
        for i, draw in enumerate(rng.random(300))
    ]
    return RoutingDataset.from_records(rows)


def test_the_work_is_done_by_two_other_processes(on_cluster):
    doers = set(embed_in_batches(Whoami(), ["text"] * 400, batch_size=10).ravel().tolist())
    assert len(doers) == 2
    assert os.getpid() not in doers


def test_embedding_is_the_same_on_the_cluster(cluster):
    embedder, texts = resolve_embedder("static"), [f"What is the number {i}?" for i in range(1000)]
    local = embed_in_batches(embedder, texts)
    with joblib.parallel_config(backend="dask"):
        far = embed_in_batches(embedder, texts)
    np.testing.assert_array_equal(local, far)


def test_the_bootstrap_is_the_same_on_the_cluster(cluster):
    local = measured()
    with joblib.parallel_config(backend="dask"):
        far = measured()
    assert local.measures == far.measures
    np.testing.assert_array_equal(local.band, far.band)


def test_the_learning_curve_is_the_same_on_the_cluster(cluster):
    local = learning_curve(learnable(), repeats=2)
    with joblib.parallel_config(backend="dask"):
        far = learning_curve(learnable(), repeats=2)
    np.testing.assert_allclose(local.values, far.values, rtol=0, atol=1e-12)


def test_the_number_of_local_workers_changes_nothing():
    alone = measured()
    with joblib.parallel_config(backend="threading", n_jobs=3):
        threads = measured()
    assert alone.measures == threads.measures
    np.testing.assert_array_equal(alone.band, threads.band)


def test_more_resamples_begin_with_the_same_ones():
    """Each resample has a seed of its own, so a piece of another size draws alike."""
    few, more = measured(60), measured(61)
    assert few.measures["apgr"].value == more.measures["apgr"].value
    assert few.measures["apgr"] != more.measures["apgr"]
