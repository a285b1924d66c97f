#!/usr/bin/env bash
# Build the virtual environment .venv from requirements.lock, or do nothing when it is complete and up to date.
#
#   PYTHON=python3.12 tools/setup_env.sh
#
# A stamp file is written as the very last step, so an interrupted set-up is never taken for a finished one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=.venv
stamp=$venv/.complete

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.11 python3.12}; do
        if "$candidate" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "set-up needs Python 3.11 or 3.12 with the venv module (tried: ${PYTHON:-python3 python3.11 python3.12});" \
        "name one with PYTHON=/path/to/python" >&2
    exit 1
}

# What the environment depends on. The path counts because a virtual environment cannot be moved.
fingerprint() { { cat requirements.lock setup.py tools/setup_env.sh; pwd -P; } | cksum; }

complete() { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ] && "$venv/bin/python" -c '' 2>/dev/null; }

if complete; then exit 0; fi
if command -v flock >/dev/null; then # two `make` at once: the second waits for the first
    exec 9>.venv.lock
    flock 9
    if complete; then exit 0; fi
fi

python=$(find_python)
echo "set-up: building $venv with $("$python" --version) (some minutes: fairseq is compiled)"
rm -rf "$venv"
"$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" --quiet; }
pinned() { local name; for name; do grep -i "^$name==" requirements.lock; done; }

# 1. What fairseq's build imports. Build isolation would fetch a second torch. Constraints keep torch's own dependencies
#    at the locked versions; accelerator libraries that a GPU build of torch needs are left to torch.
mapfile -t first < <(pinned pip torch numpy cython setuptools wheel ninja)
pip install --upgrade --constraint requirements.lock "${first[@]}"
# 2. fairseq without dependencies: it lists torchaudio, which only its speech tasks use and which, being built for CUDA,
#    breaks `import transformers` next to a CPU build of torch. ninja compiles its extensions on all cores.
pip install --no-deps --no-build-isolation "$(pinned fairseq-fixed)"
# 3. Everything else exactly as locked, then this package in place.
pip install --no-deps --requirement requirements.lock
pip install --no-deps --no-build-isolation --editable .
# 4. Beside fairseq, where it looks for `--user-dir xl_plugins` from any folder.
for site in "$venv"/lib/python*/site-packages; do
    if [ -d "$site" ]; then ln -sfn "$PWD/xl_plugins" "$site/xl_plugins"; fi
done
"$venv/bin/python" -c 'import fairseq.tasks, transformers' 2>"$venv/import.log" || { cat "$venv/import.log" >&2; exit 1; }
fingerprint >"$stamp"
echo "set-up: done in $SECONDS s"
