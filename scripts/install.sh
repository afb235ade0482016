#!/usr/bin/env bash
# Create .venv where it is missing and install what requirements.lock pins, hash-checked, and the package itself.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
pip=(.venv/bin/python -m pip --disable-pip-version-check)

if [ ! -x .venv/bin/python ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "$("$python" --version) found; Tuneproof needs Python 3.11 or newer: make PYTHON=python3.11 …" >&2; exit 1; }
    "$python" -m venv .venv
fi

# torch comes in builds of one version. Where pip finds one of its own for this machine (2.13.0+cpu), that one is
# installed first, by its full version: from a list with hashes pip would rather take the package index's. The index's
# build for Linux needs CUDA's libraries beside it.
torch=$(sed -n '/^torch==/,/[^\\]$/p' requirements.lock)
build=$("${pip[@]}" -qq install --dry-run --ignore-installed --no-deps --report - "${torch%% *}" | .venv/bin/python -c \
    'import json, sys; print(json.load(sys.stdin)["install"][0]["metadata"]["version"])')
echo "Installing the locked packages into .venv (torch $build); the first time takes some minutes …"

install=("${pip[@]}" -qq install --progress-bar off --no-deps)
if [[ $build == *+* ]]; then
    "${install[@]}" --require-hashes --requirement /dev/stdin <<<"torch==$build ${torch#* }"
fi
locks=(--requirement requirements.lock)
[[ $build == *+cpu ]] || locks+=(--requirement requirements-cuda.lock)
"${install[@]}" --require-hashes "${locks[@]}"
"${install[@]}" --no-build-isolation --editable .
"${pip[@]}" check
