"""The YAML config: LLMRouter's keys, ours, and every mistake in one line."""

import pytest

from hybrid_router_core import ConfigError
from hybrid_router_core.cli import help_pages
from hybrid_router_core.cli.config_file import read_config
from hybrid_router_core.cli.yaml_file import parse_value

LLMROUTER = """\
data_path:
  query_data_train: 'data/query_train.jsonl'
  query_data_test: 'data/query_test.jsonl'
  query_embedding_data: 'data/embeddings.pt'
  routing_data_train: 'data/routing_train.jsonl'
  routing_data_test: 'data/routing_test.jsonl'
  llm_data: 'data/llm.json'
  llm_embedding_data: 'data/llm_embeddings.json'
router_mode: "probabilistic"
router_tau: 0.1
router_threshold: 0.5
hparam:
  hidden_layer_sizes: [128, 64]
  activation: relu
  solver: adam
  max_iter: 300
model_path:
  ini_model_path: 'configs/first.pkl'
  save_model_path: 'saved/trained.pkl'
  load_model_path: 'saved/trained.pkl'
api_endpoint: ''
"""


BILLION = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_file_with_all_keys_of_llmrouter(write):
    config = read_config(write(LLMROUTER))
    assert (config.router_mode, config.router_tau, config.router_threshold) == ("probabilistic", 0.1, 0.5)
    assert config.hparam == {"hidden_layer_sizes": [128, 64], "activation": "relu", "solver": "adam", "max_iter": 300}
    assert config.data.train_path == "data/routing_train.jsonl"
    assert config.data.test_path == "data/routing_test.jsonl"
    assert config.model_path.save_model_path == "saved/trained.pkl"
    assert config.api_endpoint is None


def test_the_example_of_the_help_page(write):
    config = read_config(write(help_pages.CONFIG))
    assert config.data.train_path == "dataset.jsonl"
    assert config.calibration.cost_advantage == 0.4
    assert config.guard == "auto"
    assert config.large.api_key_env == "OPENAI_API_KEY"


def test_a_name_or_a_path_stands_for_a_section(write):
    config = read_config(write("small: llama-8b\nlarge: {name: gpt-4}\ndata: rows.csv\n"))
    assert (config.small.name, config.large.name, config.data.train_path) == ("llama-8b", "gpt-4", "rows.csv")


def test_random_state_is_the_seed(write):
    config = read_config(write("hparam: {random_state: 7, max_iter: 3}\n"))
    assert config.seed == 7
    assert config.hparam == {"max_iter": 3}


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.0e-3", "0.001"])
def test_numbers_with_an_exponent_are_numbers(text):
    assert parse_value(text) == 0.001


def test_nothing_but_plain_values_is_made(write):
    with pytest.raises(ConfigError, match="invalid YAML"):
        read_config(write("data: !!python/object/apply:os.getcwd []\n"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("router_treshold: 0.5", ["unknown key 'router_treshold'", "did you mean 'router_threshold'?"]),
        ("model_path: {load_model_pth: r}", ["'model_path.load_model_pth'", "'load_model_path'?"]),
        ("data: {trian: a}", ["'data.trian'", "'train'?"]),
        ("qqq: 1", ["unknown key 'qqq'; Allowed: router_mode, router_tau"]),
        ("router_mode: soft", ["router_mode is 'soft' (str); allowed: deterministic, probabilistic, transformed"]),
        ("router_tau: 0", ["router_tau is 0 (int); allowed: a number > 0"]),
        ("router_tau: .nan", ["router_tau is nan (float)"]),
        ("router_threshold: yes", ["router_threshold is True (bool); allowed: a number from 0"]),
        ("router_threshold: '0.5'", ["router_threshold is '0.5' (str)"]),
        ("router_margin: -0.1", ["router_margin is -0.1 (float); allowed: a number >= 0"]),
        ("guard: 0.2", ["guard is 0.2 (float); allowed: auto, none, or a number above 0 and at most 0.1"]),
        ("guard: off", ["guard is False (bool); allowed: auto, none, or"]),
        ("hparam: 3", ["hparam is 3 (int); allowed: a section"]),
        ("hparam: {random_state: -1}", ["hparam.random_state is -1 (int); allowed: an integer >= 0"]),
        ("hparam: {random_state: 1}\nseed: 2", ["seed is 2 and hparam.random_state is 1"]),
        ("seed: 1.5", ["seed is 1.5 (float); allowed: an integer >= 0"]),
        ("data: 3", ["data is 3 (int); allowed: text (the path of a data set), or a section"]),
        ("data: {split: 0.5}", ["data.split is 0.5 (float); allowed: one to three shares"]),
        ("data: {split: [0.5, 2.0]}", ["data.split.1 is 2.0 (float)"]),
        ("data: {split: [0.5, 0.5, 0.5]}", ["the sum of the shares is at most 1"]),
        ("data: {split: [0.2, 0.2, 0.2, 0.2]}", ["data.split is", "one to three shares"]),
        ("data: {train: a, test: b, split: [0.5, 0.5]}", ["data: split divides the one file"]),
        ("data: {train: a, routing_data_train: b}", ["train and routing_data_train are the same thing"]),
        ("data: a\ndata_path: b", ["data and data_path are the same thing"]),
        ("calibration: {cost_advantage: 40}", ["calibration.cost_advantage is 40 (int); allowed: a share from 0 to 1"]),
        ("small: [a]", ["small is ['a'] (list); allowed: text (a name), or a section"]),
        ("a: [1", ["invalid YAML: line 1"]),
        ("seed: 1\nseed: 2", ["invalid YAML: line 1, column 1: the key 'seed' is there twice"]),
        ("- a", ["holds ['a'] (list)"]),
        ("seed: 2001-99-99", ["invalid YAML: a value that cannot be read (ValueError)"]),
        ("seed: !!int x", ["invalid YAML: a value that cannot be read (ValueError)"]),
        ("seed: !!bool x", ["invalid YAML: a value that cannot be read (KeyError)"]),
        ("seed: " + "1" * 6000, ["invalid YAML"]),
        ("seed: -0x" + "f" * 6000, ["seed is a long number (int)"]),
        ("a: " + "[" * 2000 + "]" * 2000, ["invalid YAML: a value that cannot be read (RecursionError)"]),
        ("router_tau: &a [*a]", ["or one that holds itself"]),
        (BILLION, ["more than 10,000 values"]),
        ("#" * 1_000_001, ["is larger than 1,000,000 bytes; is it a config?"]),
        ("", ["is empty", "hybrid-router train --help"]),
        (b"\xff\xfe\x00", ["not UTF-8 text"]),
    ],
)
def test_a_mistake_is_one_line_with_file_key_value_and_remedy(write, text, parts):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert all(part in message for part in parts), message


def test_a_key_in_the_file_is_refused_and_not_shown(write):
    with pytest.raises(ConfigError) as caught:
        read_config(write("small: {name: a, api_key: sk-secret}\n"))
    assert "'api_key_env'?" in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_all_mistakes_are_told_at_once(write):
    with pytest.raises(ConfigError, match=r"router_mode is .*; router_tau is "):
        read_config(write("router_mode: a\nrouter_tau: -1\n"))


def test_going_on_from_an_earlier_model_is_refused_only_if_there_is_one(write, tmp_path):
    first = tmp_path / "first.pkl"
    path = write(f"model_path: {{ini_model_path: '{first.as_posix()}'}}\n")
    read_config(path)
    first.touch()
    with pytest.raises(ConfigError, match="is not supported; remove this key"):
        read_config(path)


@pytest.mark.parametrize(("name", "message"), [("none.yaml", "no such file"), (".", "is a folder")])
def test_paths_that_are_no_config(tmp_path, name, message):
    with pytest.raises(ConfigError, match=message):
        read_config(tmp_path / name)


@pytest.mark.parametrize(("text", "guard"), [("0.05", 0.05), ("auto", "auto"), ("none", "none"), ("null", None)])
def test_a_guard_is_a_level_or_a_word(write, text, guard):
    assert read_config(write(f"guard: {text}\n")).guard == guard
