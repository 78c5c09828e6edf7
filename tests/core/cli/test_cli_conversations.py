"""Conversations on the command line."""

import json

import pytest

from tests.core.cli.running import done, failed
from tests.core.conversations import EASY, HARD, chat


@pytest.fixture
def folder(trained, tmp_path):
    trained.save(tmp_path / "router")
    return tmp_path


def write(path, rows):
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_rows_with_messages_are_routed_as_conversations(folder):
    rows = [{"messages": chat(HARD, "yes, do it")}, {"messages": chat(EASY)}, {"query": EASY}, EASY]
    rows += [{"messages": chat(HARD, "x")[:-1]}, {"messages": chat(EASY, "that is wrong")}]
    queries = write(folder / "in.jsonl", rows)
    found = json.loads(done("infer", folder / "router", "--input", queries, "--route-only", "--json").stdout)
    assert [(row["query"], row["model"], row["reason"]) for row in found] == [
        ("yes, do it", "large", "score"),
        (EASY, "small", "score"),
        (EASY, "small", "score"),
        (EASY, "small", "score"),
        (HARD, "large", "score"),
        ("that is wrong", "large", "dissatisfied"),
    ]


def test_messages_that_are_no_list_name_their_line(folder):
    queries = write(folder / "in.jsonl", [{"messages": "hello"}])
    assert "line 1: 'messages' is a text" in failed("infer", folder / "router", "--input", queries, "--route-only")


def test_conversations_are_learned_from_a_file(folder):
    rows = [
        {
            "messages": chat(f"{form} {i} of Norland", "continue"),
            "small_quality": quality,
            "large_quality": 1.0,
        }
        for i in range(40)
        for form, quality in (("Name the currency of region", 1.0), ("Prove the theorem about the ring", 0.0))
    ]
    done("train", write(folder / "rows.jsonl", rows), "--out", folder / "learned", "--quiet")
    record = json.loads((folder / "learned" / "router.json").read_text())
    assert record["conversation"]["turns"] > 0
    queries = write(folder / "in.jsonl", [{"messages": chat("Prove the theorem about the ring 99", "continue")}])
    assert "large" in done("infer", folder / "learned", "--input", queries, "--route-only").stdout


def test_models_are_not_asked_for_half_of_a_conversation(folder):
    config = folder / "pair.yaml"
    config.write_text(
        "small: {name: s, base_url: http://localhost:9/v1}\nlarge: {name: l, base_url: http://localhost:9/v1}\n"
    )
    queries = write(folder / "in.jsonl", [{"messages": chat(HARD, "continue")}])
    line = failed("infer", folder / "router", "--input", queries, "--config", config)
    assert "rows with messages are routed and not answered; add --route-only" in line
