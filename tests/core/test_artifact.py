"""The artifact folder: atomic, checked, and the same bytes for the same content."""

import json
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core import ArtifactError, HybridRouter
from hybrid_router_core.artifact import FORMAT_VERSION, ArtifactRecord, load_artifact, save_artifact

GOLDEN = Path(__file__).parent / "golden"


def record(threshold=0.5):
    return ArtifactRecord(
        library_version="1.2.3",
        mode="transformed",
        tau=0.1,
        margin=0.25,
        threshold=threshold,
        embedder="static",
        embedder_fingerprint="sha256:abc",
        scorer="mlp",
        hparam={"hidden_layer_sizes": [8]},
        seed=0,
        training={"n_queries": 4.0},
        arrays={},
        files={},
    )


def arrays(fill=1.0):
    return {"weights": np.full((3, 2), fill, dtype=np.float32), "hashes": np.arange(4, dtype=np.uint64)}


def content(folder):
    loaded, tensors = load_artifact(folder)
    return loaded.threshold, float(tensors["weights"][0, 0])


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_what_was_saved_is_loaded(tmp_path):
    save_artifact(tmp_path / "router", record(), arrays())
    loaded, tensors = load_artifact(tmp_path / "router")
    assert loaded.model_copy(update={"arrays": {}, "files": {}}) == record()
    for name, array in arrays().items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype
    assert set(files(tmp_path / "router")) == {"router.json", "scorer.safetensors"}


def test_the_same_content_gives_the_same_bytes(tmp_path):
    first = save_artifact(tmp_path / "a", record(), arrays())
    second = save_artifact(tmp_path / "b", record(), dict(reversed(arrays().items())))
    assert files(first) == files(second)


class Stopped(Exception):
    """Stands for the machine stopping."""


def stop_at(patch, step):
    """Let the given file operation of a save, counted from 0, be the one that never happens."""
    done = iter(range(10**6))

    def counted(operation):
        def run(*args, **kwargs):
            if next(done) >= step:
                raise Stopped
            return operation(*args, **kwargs)

        return run

    patch.setattr(Path, "replace", counted(Path.replace))
    patch.setattr(os, "fsync", counted(os.fsync))


@pytest.mark.parametrize("again", [False, True])
def test_a_save_that_stops_anywhere_leaves_the_old_router_or_the_new_one(tmp_path, again):
    outcomes = []
    for step in range(30):
        folder = save_artifact(tmp_path / str(step), record(0.1), arrays(1.0))
        with pytest.MonkeyPatch.context() as patch:
            stop_at(patch, step)
            try:
                save_artifact(folder, record(0.2), arrays(2.0))
                finished = True
            except Stopped:
                finished = False
        assert content(folder) in {(0.1, 1.0), (0.2, 2.0)}
        outcomes.append(content(folder))
        if again:  # the next save stops as well, and then one comes through
            before = content(folder)
            with pytest.MonkeyPatch.context() as patch:
                stop_at(patch, step % 5)
                with pytest.raises(Stopped):
                    save_artifact(folder, record(0.3), arrays(3.0))
            assert content(folder) in {before, (0.3, 3.0)}
            save_artifact(folder, record(0.4), arrays(4.0))
            assert content(folder) == (0.4, 4.0)
        if finished:
            break
    assert finished
    assert outcomes == sorted(outcomes)  # old up to the commit, new from there on
    assert len(set(outcomes)) == 2


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["router.json", "scorer.safetensors"]), st.integers(0, 10**9), st.integers(0, 7))
def test_no_flipped_bit_gives_another_router(tmp_path_factory, name, place, bit):
    folder = tmp_path_factory.mktemp("flip")
    save_artifact(folder, record(), arrays())
    expected = load_artifact(folder)
    data = bytearray((folder / name).read_bytes())
    data[place % len(data)] ^= 1 << bit
    (folder / name).write_bytes(data)
    try:
        loaded, tensors = load_artifact(folder)
    except ArtifactError as error:
        assert str(folder) in str(error)  # names the place
    else:  # white space between the tokens of the JSON
        assert loaded == expected[0]
        np.testing.assert_array_equal(tensors["weights"], expected[1]["weights"])


@pytest.mark.parametrize("name", ["router.json", "scorer.safetensors"])
def test_a_truncated_or_missing_file_is_an_error(tmp_path, name):
    save_artifact(tmp_path, record(), arrays())
    whole = (tmp_path / name).read_bytes()
    for length in [0, 1, *random.Random(0).sample(range(len(whole) - 1), 20)]:
        (tmp_path / name).write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match=name.replace(".", r"\.")):
            load_artifact(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ArtifactError, match=name.replace(".", r"\.")):
        load_artifact(tmp_path)


def test_a_newer_format_says_how_to_upgrade(tmp_path):
    save_artifact(tmp_path, record(), arrays())
    body = json.loads((tmp_path / "router.json").read_text())
    (tmp_path / "router.json").write_text(json.dumps({**body, "format_version": 4, "new_field": 1}))
    with pytest.raises(ArtifactError, match=r"has format 4.*pip install --upgrade"):
        load_artifact(tmp_path)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"format_version": true}', '{"format_version": "1"}', "nonsense", "[" * 99999]
)
def test_another_json_file_is_not_taken_for_a_router(tmp_path, text):
    save_artifact(tmp_path, record(), arrays())
    (tmp_path / "router.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"router\.json"):
        load_artifact(tmp_path)


def test_paths_that_hold_no_router_are_named(tmp_path):
    with pytest.raises(ArtifactError, match="the folder does not exist"):
        load_artifact(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match=r"holds no router\.json"):
        load_artifact(tmp_path)
    file = tmp_path / "model.pkl"
    file.write_bytes(b"x")
    with pytest.raises(ArtifactError, match="is a file; a saved router is a folder"):
        load_artifact(file)
    with pytest.raises(ArtifactError, match="is a file; a router is saved as a folder"):
        save_artifact(file, record(), arrays())


def test_arrays_of_another_router_do_not_fit(tmp_path):
    save_artifact(tmp_path / "a", record(), arrays(1.0))
    save_artifact(tmp_path / "b", record(), arrays(2.0))
    (tmp_path / "a" / "scorer.safetensors").write_bytes((tmp_path / "b" / "scorer.safetensors").read_bytes())
    with pytest.raises(ArtifactError, match="SHA-256"):
        load_artifact(tmp_path / "a")


def test_numbers_that_are_not_finite_are_never_saved(tmp_path):
    save_artifact(tmp_path, record(), arrays(1.0))
    with pytest.raises(ArtifactError, match="'weights' holds numbers that are not finite"):
        save_artifact(tmp_path, record(), arrays(np.nan))
    assert content(tmp_path) == (0.5, 1.0)


def test_loading_takes_less_than_50_ms(tmp_path, router):
    router.save(tmp_path)
    HybridRouter.load(tmp_path)
    taken = []
    for _ in range(7):
        started = time.perf_counter()
        HybridRouter.load(tmp_path)
        taken.append(time.perf_counter() - started)
    assert sorted(taken)[3] < 0.05


@pytest.mark.parametrize("folder", sorted(GOLDEN.glob("format_*")), ids=lambda path: path.name)
def test_every_released_format_loads_and_scores_as_it_did(folder):
    expected = json.loads((folder / "expected.json").read_text())
    loaded = HybridRouter.load(folder)
    assert loaded.threshold == expected["threshold"]
    np.testing.assert_allclose(loaded.score(expected["queries"]), expected["scores"], atol=1e-5)
    chats = expected.get("conversations", [])
    scores = [float(loaded.score(messages=chat)[0]) for chat in chats]
    np.testing.assert_allclose(scores, expected.get("conversation_scores", []), atol=1e-5)
    if "reasons" in expected:
        assert [decision.reason for decision in loaded.route_batch(expected["queries"])] == expected["reasons"]


def test_there_is_a_golden_artifact_of_each_format():
    for version in range(1, FORMAT_VERSION + 1):
        assert json.loads((GOLDEN / f"format_{version}" / "router.json").read_text())["format_version"] == version
