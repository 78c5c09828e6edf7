"""The help pages, which the tests read: an example line stays runnable."""

from __future__ import annotations

__all__ = ["CALIBRATE", "CONFIG", "EVALUATE", "INFER", "ROOT", "TRAIN"]

CONFIG = """\
router_mode: transformed        # deterministic / probabilistic / transformed
router_tau: 0.1                 # temperature of the probabilistic label, in units of quality
router_threshold: 0.5           # small iff score >= threshold; a calibration goes before it
seed: 0
data: dataset.jsonl             # split 0.6, 0.2, 0.2 into train, calibration, test
calibration:
  cost_advantage: 0.4           # or pgr: 0.9, or max_quality_drop: 0.02 with confidence: 0.95
hparam:
  hidden_layer_sizes: [128, 64]
  max_iter: 300
model_path:
  save_model_path: router/      # a folder
  load_model_path: router/
small:
  name: llama-3.1-8b
  base_url: http://localhost:8000/v1
  model: meta-llama/Llama-3.1-8B-Instruct
large:
  name: gpt-4o
  base_url: https://api.openai.com/v1
  api_key_env: OPENAI_API_KEY   # the name of a variable, never a key
"""

ROOT = """Learn from examples when a small language model will do, and route queries between it and a large one.

\b
Train on recorded qualities, look at the figures, route a query:
  hybrid-router train dataset.jsonl --out router/ --cost-advantage 0.4
  hybrid-router evaluate router/ new_rows.jsonl --report report.html
  hybrid-router infer router/ --query "What is photosynthesis?"

Results go to stdout, progress and errors to stderr. Exit codes: 0 done; 1 bad data, a bad setting, a damaged router, or
a target that cannot be reached (one line says which, and what to do); 2 wrong usage.
"""

TRAIN = """Learn a router from examples and save it.

In: DATA, one object a line: {"query": "...", "small_quality": 0.7, "large_quality": 0.9}, with optional "group",
"small_cost", "large_cost", "id". A quality is any number, higher is better, or a list of samples. Also .json, .csv,
.parquet, .gz; a file with many models, {"query": "...", "quality": {"model-a": 0.7, ...}}, with --small and --large;
and LLMRouter's routing data.

Out: the folder --out with the trained router, and its figures. Part of DATA teaches the router, part is kept to set the
threshold (--cost-advantage, --pgr or --max-quality-drop) and part to measure it.

\b
Examples:
  hybrid-router train dataset.jsonl --out router/ --cost-advantage 0.4
  hybrid-router train models.jsonl --small llama-8b --large gpt-4 --out router/
  hybrid-router train --config hybrid_llm.yaml --quiet

A config file holds LLMRouter's keys for hybrid_llm and ours, each of them optional; options override it. Relative paths
in it start, like those of the command line, at the folder in which the command is run. An example:

\b
"""
TRAIN += "".join(f"  {line}\n" for line in CONFIG.splitlines())

CALIBRATE = """Set a trained router's threshold from a target, on rows that training has not seen.

In: the folder of a router, and DATA in any form that train takes. Out: the folder with the new threshold.

Exactly one target: --cost-advantage (this share of the queries goes to small), --pgr (this share of the gap in quality
is recovered) or --max-quality-drop (no more quality is lost; holds with --confidence for queries of the same kind).

\b
Examples:
  hybrid-router calibrate router/ held_out.jsonl --cost-advantage 0.4
  hybrid-router calibrate router/ dataset.jsonl --part calibration --max-quality-drop 0.02 --confidence 0.9

The second takes from the very file that train was given the rows that it kept back. If train was given --split or --by,
give the same.
"""

EVALUATE = """Measure a trained router on rows that training has not seen.

In: the folder of a router, and DATA in any form that train takes. Out: the figures with their intervals; with --report
a page with pictures, with --json everything for a program. Nothing is changed.

\b
Examples:
  hybrid-router evaluate router/ held_out.jsonl
  hybrid-router evaluate router/ dataset.jsonl --part test --report report.html

The second takes from the very file that train was given the rows that it kept back for this. If train was given --split
or --by, give the same.
"""

INFER = """Route queries with a trained router, and answer them where a config says how.

In: the folder of a router (or --config with model_path.load_model_path), and --query or --input: .txt with a query a
line, .jsonl with a text or an object with "query" a line, .json with a list of these.

Out: for each query, in order, the model (small or large), the score, the threshold and the reason; with the response,
if the config gives base_url for small and large, unless --route-only. --output writes .json (a list) or .jsonl.

\b
Examples:
  hybrid-router infer router/ --query "What is photosynthesis?"
  hybrid-router infer router/ --input queries.txt --output results.jsonl
  hybrid-router infer --config hybrid_llm.yaml --input queries.jsonl --output results.json --route-only

Relative paths in the config start, like those of the command line, at the folder in which the command is run. The
threshold is that of --threshold, else of the router's calibration, else router_threshold of the config, else the
router's. A run that fails half-way leaves what it had in NAME.partial.
"""
