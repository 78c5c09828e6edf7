"""The router and conversations: routing, learning, calibrating, saving, and the command line."""

import json
import pickle

import numpy as np
import pytest

from hybrid_router_core import ArtifactError, DataError, HybridRouter, RoutingDataset
from hybrid_router_core.conversation import VERSION, read
from hybrid_router_core.live import Decider
from tests.core.conversations import EASY, HARD, chat


def conversations():
    """Rows that are turns of conversations: what goes on with a hard question is hard."""
    from tests.core.conftest import toy_records

    rows = []
    for i, row in enumerate(toy_records()):
        ending = ("continue", "ok, go on", "why?")[i % 3]
        rows.append({**{k: v for k, v in row.items() if k != "query"}, "messages": chat(EASY, row["query"], ending)})
    return rows


@pytest.mark.parametrize("text", [EASY, HARD, "thanks", "continue", "", " "])
def test_one_message_has_the_score_of_its_text_to_the_last_bit(router, text):
    messages = [{"role": "system", "content": "Be brief."}, *chat(text)]
    if text.strip():
        assert router.score(messages=messages)[0] == router.score([text])[0]
        assert router.route(messages=messages) == router.route(text)


def test_what_goes_on_is_decided_as_what_it_goes_on_with(router):
    for question, model in ((EASY, "small"), (HARD, "large")):
        own = router.route(question)
        assert own.model == model
        for endings in (["yes, do it"], ["continue", "ok"], ["mach weiter"], ["ok", "继续"]):
            assert router.route(messages=chat(EASY, question, *endings)) == own


def test_a_complaint_goes_to_large_and_says_why(router):
    decision = router.route(messages=chat(EASY, "that is wrong, try again"))
    assert (decision.model, decision.reason) == ("large", "dissatisfied")
    assert decision.score == router.route(EASY).score
    assert router.route(messages=chat(HARD, "that is wrong, try again")).reason == "score"


def test_thanks_go_to_small_after_the_hardest_question(router):
    assert router.route(messages=chat(HARD, "thanks a lot!")).model == "small"


def test_the_threshold_of_the_call_holds_for_conversations_too(router):
    assert router.route(messages=chat(HARD, "continue"), threshold=0.0).model == "small"


def test_messages_without_a_question_go_to_large_or_cannot_be_scored(router):
    for messages in ([], [{"role": "user", "content": None}], [*chat(EASY), {"role": "assistant", "content": "Oslo."}]):
        decision = router.route(messages=messages)
        assert (decision.model, decision.reason, decision.score) == ("large", "no_query", None)
        assert decision.detail
        with pytest.raises(DataError, match="there is nothing to score: "):
            router.score(messages=messages)


def test_either_a_query_or_messages(router):
    with pytest.raises(DataError, match="a query and messages are given"):
        router.route(EASY, messages=chat(EASY))
    with pytest.raises(DataError, match="a query and messages are given"):
        router.score([EASY], messages=chat(EASY))
    with pytest.raises(DataError, match="query 0 is a NoneType"):
        router.route()
    with pytest.raises(DataError, match="got NoneType"):
        router.score()


def test_earlier_turns_are_scored_once(router, monkeypatch):
    asked = []
    predict = type(router._predictor).score
    monkeypatch.setattr(
        type(router._predictor), "score", lambda self, texts: asked.append(len(texts)) or predict(self, texts)
    )
    turns = [EASY, "What is its currency?", "Which language do they speak there?", "How old is it?"]
    for count in range(1, len(turns) + 1):
        router.route(messages=chat(*turns[:count]))
    assert max(asked) <= 4, "the turn and its completions, and none of the earlier turns"


def test_no_text_of_a_user_is_kept_with_the_router(router):
    router.route(messages=chat(EASY, "My card is 4111 1111, what is its currency?"))
    Decider(router).decide("The password is SWORDFISH.")
    for body in (pickle.dumps(router), pickle.dumps(router._predictor._known), repr(router._predictor._known.__dict__)):
        assert b"SWORDFISH" not in (body if isinstance(body, bytes) else body.encode())
        assert b"4111" not in (body if isinstance(body, bytes) else body.encode())
    Decider(router).decide_batch([f"What is {i}?" for i in range(3000)])
    assert len(router._predictor._known._found) <= 2048


def test_a_router_that_was_calibrated_on_conversations_says_so(parts, tmp_path):
    router = HybridRouter(mode="deterministic").fit(parts[0])
    with pytest.warns(UserWarning, match="84 of the 168 calibration rows were left out"):
        router.calibrate(RoutingDataset.from_records(conversations()), cost_advantage=0.5)
    router.save(tmp_path)
    assert json.loads((tmp_path / "router.json").read_text())["conversation"]["turns"] > 0


def test_a_part_of_the_data_takes_its_readings_along():
    data = RoutingDataset.from_records(conversations())
    readings = data.readings
    assert data[3:5].__dict__["readings"] == readings[3:5]


def test_one_message_is_read_alike_in_data_and_live(router):
    wrapped = [{"role": "user", "content": f"<system-reminder>{EASY * 9}</system-reminder>\n{HARD}"}]
    data = RoutingDataset.from_records([{"messages": wrapped, "small_quality": 1.0, "large_quality": 1.0}])
    assert data.queries == [HARD]
    assert router.score(data)[0] == router.score(messages=wrapped)[0] == router.score([HARD])[0]


def test_the_decider_takes_readings_and_texts_together(router):
    decider = Decider(router)
    mixed = [read(chat(HARD, "continue")), EASY, None, read([]), read(chat(EASY, "What is its currency?"))]
    decisions = decider.decide_batch(mixed)
    assert [d.reason for d in decisions] == ["score", "score", "no_query", "no_query", "score"]
    assert decisions[0].score == pytest.approx(router.route(HARD).score)
    assert [decider.decide(each) for each in mixed] == decisions


async def test_async_decisions_on_conversations_are_those_of_sync_ones(router):
    decider = Decider(router)
    reading = read(chat(EASY, "What is its currency?", "that is wrong"))
    assert await decider.adecide(reading) == decider.decide(reading)
    assert await decider.aoutcomes([reading, EASY]) == decider.outcomes([reading, EASY])


def test_a_callable_gets_the_turn_as_the_user_wrote_it_or_the_one_that_it_goes_on_with():
    seen = []
    decider = Decider(lambda text: seen.append(text) or 1.0)
    decider.decide(read(chat(HARD, "ok, continue")))
    decider.decide(read(chat(HARD, "What are its consequences?")))
    decider.decide(read(chat(HARD, EASY)))
    assert seen == [HARD, "What are its consequences?", EASY]
    assert decider.decide(read(chat(EASY, "wrong, try again"))).reason == "dissatisfied"


def test_a_fault_while_a_conversation_is_scored_moves_no_other(router):
    def broken(texts):
        if any("boom" in text for text in texts):
            raise RuntimeError("boom")
        return np.ones(len(texts))

    router.score = broken
    decider = Decider(router)
    found = decider.decide_batch([read(chat(EASY, "Is boom a word in it?")), EASY])
    assert [d.reason for d in found] == ["router_error", "score"]


def test_rows_with_messages_are_learned_calibrated_and_evaluated_by_the_same_reading(tmp_path):
    data = RoutingDataset.from_records(conversations())
    assert data.queries[0] == "continue"
    assert data.texts[0] == data.turns[0][1]
    train, calibration, test = data.split((0.5, 0.25, 0.25))
    router = HybridRouter(mode="deterministic", seed=1).fit(train).calibrate(calibration, cost_advantage=0.5)
    np.testing.assert_allclose(
        router.score(test), [router.score(messages=messages(test, i))[0] for i in range(len(test))]
    )
    hard = np.array([group == "hard" for group in test.groups])
    assert router.score(test)[hard].max() < router.score(test)[~hard].min(), "it is said in the turn before alone"
    loaded = HybridRouter.load(router.save(tmp_path))
    np.testing.assert_array_equal(loaded.score(test), router.score(test))
    record = json.loads((tmp_path / "router.json").read_text())
    assert record["format_version"] == 3
    assert record["conversation"] == {"turns": len(train), "reading": VERSION}
    assert (
        HybridRouter.load(tmp_path).save(tmp_path / "again").joinpath("router.json").read_bytes()
        == (tmp_path / "router.json").read_bytes()
    )


def messages(data, row):
    return [{"role": "user", "content": text} for text in data.turns[row]]


def test_a_router_that_learned_no_conversation_is_saved_as_before(trained, tmp_path):
    record = json.loads((trained.save(tmp_path) / "router.json").read_text())
    assert "conversation" not in record


def test_another_reading_than_that_of_the_training_is_refused(tmp_path, monkeypatch):
    data = RoutingDataset.from_records(conversations())
    HybridRouter(mode="deterministic").fit(data).save(tmp_path)
    monkeypatch.setattr("hybrid_router_core.artifact.READING", VERSION + 1)
    with pytest.raises(ArtifactError, match=rf"by reading {VERSION}, this version reads them by {VERSION + 1}; train"):
        HybridRouter.load(tmp_path)


def test_conversations_come_back_from_a_file_and_are_split_and_taken_with_their_rows(tmp_path):
    plain = {"query": EASY, "small_quality": 1.0, "large_quality": 1.0, "group": "easy"}
    data = RoutingDataset.from_records([*conversations()[:5], plain])
    assert data.turns[5] == (EASY,)
    data.write(tmp_path / "data.jsonl")
    again = RoutingDataset.read(tmp_path / "data.jsonl")
    assert (again.queries, again.turns, again.texts) == (data.queries, data.turns, data.texts)
    assert data[2:4].turns == data.turns[2:4]
    assert RoutingDataset.from_records([plain]).turns is None


def test_messages_that_end_with_the_answer_or_belong_to_another_query():
    row = {"small_quality": 1.0, "large_quality": 1.0}
    with_answer = [*chat(HARD, "continue"), {"role": "assistant", "content": "Next, ..."}]
    data = RoutingDataset.from_records([{**row, "messages": with_answer}, {**row, "messages": json.dumps(with_answer)}])
    assert data.turns == [(HARD, "continue")] * 2
    assert RoutingDataset.from_records([{**row, "query": "continue", "messages": with_answer}]).texts == [HARD]
    assert RoutingDataset.from_records([{**row, "query": EASY, "messages": with_answer}]).turns is None


def test_turns_that_do_not_end_with_the_query_are_refused():
    one = np.ones(1)
    with pytest.raises(DataError, match=r"turns\[0\] is no list of non-empty texts that ends with queries\[0\]"):
        RoutingDataset([EASY], one, one, turns=[(EASY, HARD)])
    with pytest.raises(DataError, match="turns needs the texts of a conversation for each of the 1 queries"):
        RoutingDataset([EASY], one, one, turns=[])
