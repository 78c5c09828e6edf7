"""Groups at the command line: a limit for new ones, and what is said of those that are known."""

import json
import re
from pathlib import Path

import pytest

from tests.core.cli.running import done, failed


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Rows in 24 groups of 25, of which half are hard for small, and all that it reads alike."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {
            "query": f"Question {i} about {'algebra' if group % 2 else 'colours'} in chapter {group}",
            "small_quality": float(group % 2 == 0 or i % 9 == 0),
            "large_quality": 1.0,
            "group": f"g{group}",
        }
        for group in range(24)
        for i in range(25)
    ]
    write("data.jsonl", rows)
    return rows


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


TRAIN = ("train", "data.jsonl", "--out", "new", "--scorer", "knn")
ACROSS = ("--max-quality-drop", 0.3, "--across", "groups")


def test_train_across_groups_says_that_the_test_part_has_known_ones(here):
    result = done(*TRAIN, *ACROSS)
    notes = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert "24 of its 24 groups are trained on too. --by group keeps groups apart" in notes[0]
    assert "  holds for 24 new groups, as many as were seen, by a bootstrap-t over groups" in result.stdout
    assert re.search(r"^  360 of the 480 queries were trained on, and scored by routers", result.stdout, re.MULTILINE)


def test_nothing_is_said_of_groups_that_are_apart(here):
    assert "note: " not in done(*TRAIN, "--max-quality-drop", 0.9).stderr
    write("test.jsonl", [{**row, "group": f"new {row['group']}"} for row in here])
    Path("config.yaml").write_text("data: {train: data.jsonl, test: test.jsonl}\nscorer: knn\n")
    assert "note: " not in done("train", "--config", "config.yaml", "-o", "other", *ACROSS).stderr
    write("test.jsonl", here)
    told = done("train", "--config", "config.yaml", "-o", "third", *ACROSS).stderr
    assert "24 of its 24 groups are trained on too. Test on groups that are not in train" in told


def test_that_groups_lose_alike_is_said_once_a_run(here):
    rows = [{**row, "query": f"Question {i}"} for i, row in enumerate(here)]  # which says nothing about the group
    write("data.jsonl", rows)
    told = done(*TRAIN, "--max-quality-drop", 0.8).stderr
    assert told.count("queries of one group lose alike") == 1
    assert "--across groups is for those" in told
    assert done("evaluate", "new", "data.jsonl", "--part", "test").stderr.count("lose alike") == 1


@pytest.mark.parametrize("command", ["train", "evaluate", "inspect"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("none", "--across groups needs the group of each query, and there are none: add a column 'group'"),
        ("some", "queries have no group; name it, or leave them out"),
        ("few", "--across groups needs 8 groups at least, and there are"),
        ("one", "--across groups: the group 'g0' has"),
    ],
)
def test_groups_that_are_no_draws(here, command, kind, message):
    done(*TRAIN, "--split", 1, "--scorer", "constant")
    group = {"none": lambda i: None, "some": lambda i: f"g{i % 24}" if i % 9 else None, "few": lambda i: f"g{i % 5}",
             "one": lambda i: "g0" if i % 6 else f"g{i % 11}"}[kind]  # fmt: skip
    rows = [{**row, "group": group(i)} for i, row in enumerate(here)]
    if kind == "none":
        rows = [{key: value for key, value in row.items() if key != "group"} for row in rows]
    write("other.jsonl", rows)
    arguments = {"train": ("train", "other.jsonl", "-o", "newer", "--scorer", "knn", *ACROSS),
                 "evaluate": ("evaluate", "new", "other.jsonl", "--across", "groups"),
                 "inspect": ("inspect", "other.jsonl", "--across", "groups")}[command]  # fmt: skip
    line = failed(*arguments)
    assert message in line
    assert "across=" not in line
    assert ("the calibration part: " in line) == (command == "train")
    assert not Path("newer").exists()


def test_a_split_by_group_that_leaves_too_few_says_so(here):
    line = failed(*TRAIN, *ACROSS, "--by", "group")
    assert "error: the calibration part: --across groups needs 8 groups at least, and there are 5" in line
    assert line.endswith(". Or split without --by group, so that each part has rows of all groups")


def test_groups_that_were_trained_on_are_told_the_way_out(here):
    done(*TRAIN)
    line = failed("calibrate", "new", "data.jsonl", *ACROSS)
    assert "600 of the 600 calibration queries or their groups were trained on" in line
    assert line.endswith("as --split 0.6,0.2,0.2 --by group gives it, or let train itself calibrate")


def test_a_part_of_another_split_is_told_the_way_back(here):
    done(*TRAIN, "--by", "group")
    told = done("calibrate", "new", "data.jsonl", "--part", "calibration", "--cost-advantage", 0.5).stderr
    assert "note: if DATA is the file of training, give the --split and the --by that train had" in told


def test_the_test_part_is_measured_as_the_limit_is_meant(here):
    write("data.jsonl", [{**row, "query": f"{row['query']}!", "group": f"more {row['group']}"} for row in here] + here)
    told = done(*TRAIN, *ACROSS, "--by", "group")
    assert re.search(r"with 95% intervals for other groups than these \d+", told.stdout)
    assert "note: " not in told.stderr
