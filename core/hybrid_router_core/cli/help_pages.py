"""The help pages, which the tests read: an example line stays runnable."""

from __future__ import annotations

__all__ = ["CALIBRATE", "COLLECT", "CONFIG", "EVALUATE", "IMPORT", "INFER", "INSPECT", "LABEL", "ROOT", "TRAIN"]

CONFIG = """\
router_mode: transformed        # deterministic / probabilistic / transformed
router_tau: 0.1                 # temperature of the probabilistic label, in units of quality
router_threshold: 0.5           # small iff score >= threshold; a calibration goes before it
seed: 0
data: dataset.jsonl             # split 0.6, 0.2, 0.2 into train, calibration, test
calibration:
  cost_advantage: 0.4           # or pgr: 0.9, or max_quality_drop: 0.02 with confidence: 0.95 and across: groups
guard: auto                     # or none, or the share of ordinary queries that may be taken for strangers
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
From two models and a list of queries to a data set:
  hybrid-router collect -i queries.jsonl --small openai:gpt-4o-mini --large openai:gpt-4o -o responses.jsonl
  hybrid-router label responses.jsonl --metric answer_match --out dataset.jsonl
  hybrid-router inspect dataset.jsonl

\b
Train on recorded qualities, look at the figures, route a query:
  hybrid-router train dataset.jsonl --out router/ --cost-advantage 0.4
  hybrid-router evaluate router/ new_rows.jsonl --report report.html
  hybrid-router infer router/ --query "What is photosynthesis?"

Results go to stdout, progress and errors to stderr. An output that exists is replaced only with --overwrite, and never
if it is an input as well. What is written stands under its name when it is whole.

\b
Exit codes:
  0    done
  1    bad data or settings, a damaged router, a target out of reach, no answer, no room on the disk; one line on stderr
       says which, and what to do
  2    wrong usage, told before anything is read: an option that does not exist, is missing, or whose value is never
       allowed
  130  stopped by Ctrl-C
"""

COLLECT = """Ask both models for several answers to each query. Nothing is lost, and nothing is paid twice.

In: --queries, .txt with a query a line, or a file in any form that train takes, with a column query (or --column);
further columns, such as id, group and answers (the accepted ones), go to the output as they are.

Out: --out, one object a line: {"query": "...", "small": {"model": "...", "responses": [{"text": "...", ...}]}, "large":
{...}}, with tokens, seconds, finish reason and cost of each response. Answers are kept in OUT.sqlite as they come:
stopped at any moment and started again by the same command, it goes on where it was. More --samples or more queries ask
only for what is missing. Queries that failed are listed in NAME.failed.jsonl and tried again by the next run.

A MODEL is provider:model (openai:gpt-4o-mini with the key in OPENAI_API_KEY; other providers through LangChain), or the
address of an OpenAI-compatible server with the model's name after a #.

\b
Examples:
  hybrid-router collect -i queries.jsonl --small http://localhost:11434/v1#llama3.2 --large openai:gpt-4o -o out.jsonl
  hybrid-router collect -i queries.txt --small openai:gpt-4o-mini --large openai:gpt-4o --max-cost 5 -o out.jsonl

\b
Prices for a million tokens come from --prices, else from the package genai-prices:
  gpt-4o-mini: {input: 0.15, output: 0.60}
  http://localhost:11434/v1#llama3.2: {input: 0, output: 0}

Without a price the cost is unknown, and --max-cost is refused. Needs the extra 'collect'.
"""

LABEL = """Measure how good the answers of both models are: from responses to a data set.

In: RESPONSES, as collect writes them. Out: one object a line, {"query": "...", "small_quality": ..., "large_quality":
...}, with a list where there are several samples, the mean costs, and group and id where all rows have them.

\b
Metrics that compare with the accepted answers of a row ("answers"):
  exact_match            the whole response, but for case, articles and punctuation
  answer_match           the first line: its last number, or a phrase in it as whole words
  contains               an accepted answer stands in the response as whole words
  numeric                the last number [tolerance]
  choice                 a letter, A to J, in the many ways models write it [letters]
  rouge_l                longest common subsequence of words [measure]; extra 'rouge'
  embedding_similarity   cosine of embeddings [embedder]
  bart_score             log-likelihood by a BART model [model, variant, device]; extra 'encoder'
Metrics that need none:
  reward_model           any sequence-classification checkpoint [model, form, label, device]; extra 'encoder'
  judge                  a chat model grades 1 to 10, or with mode=compare names the better answer in both orders
                         [model, mode, criteria, concurrency, tries, key_env]; extra 'collect'
  MODULE:FUNCTION        your own, called with query, response and accepted answers
                         [batch, low, high, direction, references]

\b
Examples:
  hybrid-router label responses.jsonl --metric answer_match --out dataset.jsonl
  hybrid-router label responses.jsonl --metric judge --option model=openai:gpt-4o --out dataset.jsonl
  hybrid-router label responses.jsonl --metric my_metrics:politeness --option low=0 --option high=1 --out dataset.jsonl

A judge that compares gives small 1 for a win, 0.5 for a tie and 0 for a loss, and large 1 minus that. A run that is
stopped leaves its rows in NAME.partial, and goes on with --resume.
"""

IMPORT = """Turn a public data set into ours.

In: files of one form. Out: one object a line, with small_quality and large_quality if --small and --large name two of
its models, else with the qualities of all models by name, from which train picks two.

\b
Forms, for --from:
  routellm-mmlu     RouteLLM's mmlu_*.csv
  routellm-gsm8k    RouteLLM's gsm8k_responses.csv
  mt-bench          judgements of MT-Bench, grades from 1 to 10 [--questions question.jsonl]
  arena             battles of Chatbot Arena: a win is 1 and 0, a tie 0.5 and 0.5; needs --small and --large
  llmrouter         LLMRouter's routing data [--llm-data default_llm.json for sizes and prices]
  mixinstruct       MixInstruct of LLM-Blender [--score bartscore]
  routerbench       RouterBench's wide table as .csv or .parquet, with costs
  table             a Hugging Face data set on disk, .parquet, .arrow, .csv or .jsonl [--split, --column OURS=THEIRS]

\b
Examples:
  hybrid-router import mmlu_*.csv --from routellm-mmlu --out mmlu.jsonl
  hybrid-router import battles.json --from arena --small mixtral-8x7b-instruct-v0.1 --large gpt-4,gpt-4-turbo -o a.jsonl
  hybrid-router import saved/ --from table --column query=prompt --column small_quality=score_a \\
    --column large_quality=score_b --out dataset.jsonl
"""

TRAIN = """Learn a router from examples and save it.

In: DATA, one object a line: {"query": "...", "small_quality": 0.7, "large_quality": 0.9}, with optional "group",
"small_cost", "large_cost", "id". A quality is any number, higher is better, or a list of samples. Also .json, .csv,
.tsv (each also packed: .gz, .bz2, .xz, .zst), .parquet, .feather, .arrow, .xlsx, or - for stdin; a file with many
models, {"query": "...", "quality": {"model-a": 0.7, ...}}, with --small and --large; and LLMRouter's routing data.

Out: the folder --out with the trained router, and its figures. Settings are checked before DATA is read; if the target
cannot be reached, the router is saved all the same. Part of DATA teaches the router, part is kept to set the
threshold (--cost-advantage, --pgr or --max-quality-drop) and part to measure it. With --by group the figures are about
groups that the router has not seen.

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
With --across groups that holds for groups that are not in DATA as well: subjects, users, documents, whatever the column
group names. Groups that were trained on are left out; train --across groups can use them.

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
line, .jsonl with a text or an object with "query" a line, .json with a list of these, .csv or .parquet with a column
query. Files of any length are read and routed a piece at a time.

Out: for each query, in order, the model (small or large), the score, the threshold and the reason, with a detail where
there is more to say; with the response, if the config gives base_url for small and large, unless --route-only. --output
writes .json (a list) or .jsonl.

A query without an answer has its reason in "error", and the exit code is 1. A server that does not answer is waited for
--timeout seconds, further attempts and waits that it asks for included. Asking needs the extra 'collect'.

\b
Examples:
  hybrid-router infer router/ --query "What is photosynthesis?"
  hybrid-router infer router/ --input queries.txt --output results.jsonl
  hybrid-router infer --config hybrid_llm.yaml --input queries.jsonl --output results.json --route-only

Relative paths in the config start, like those of the command line, at the folder in which the command is run. The
threshold is that of --threshold, else of the router's calibration, else router_threshold of the config, else the
router's. A run that fails half-way leaves what it had in NAME.partial.
"""

INSPECT = """Look at a data set before training on it: is there anything to gain by routing this pair?

In: DATA in any form that train takes, of any length: what an exact figure would need all at once comes from a random
sample of 100,000 rows. Out: the gap in quality and who wins how often, the labels of the three modes, t*, what an
oracle could gain, duplicates and suspicious rows, a learning curve with its error band, and a verdict with its reasons:
"yes" if queries that read alike have gaps that are alike, which chance alone does in at most 5 % of data sets.

A file with many models without --small: a table of all of them against the best one, or against --large NAME.

\b
Examples:
  hybrid-router inspect dataset.jsonl
  hybrid-router inspect models.jsonl
  hybrid-router inspect models.jsonl --small llama-8b --large gpt-4 --picture inspection.png
  hybrid-router inspect dataset.jsonl --json --no-curve

The learning curve trains some dozen small routers; --no-curve leaves it out.
"""
