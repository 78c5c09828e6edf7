#!/bin/sh
# Builds the wheel, installs it bare into a new environment outside the repository, and proves there that it imports,
# trains, saves, loads and routes, that it loads nothing heavy for it, and that it brings no top-level package of a common name.
set -eu
PYTHON=${PYTHON:-python3}
repo=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir "$work" "$repo"
"$PYTHON" -m venv "$work/env"
"$work/env/bin/python" -m pip install --quiet "$work"/*.whl
cd "$work"
"$work/env/bin/python" "$repo/scripts/check_wheel.py" "$work"/*.whl
"$work/env/bin/hybrid-router" --version
