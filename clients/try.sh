#!/usr/bin/env bash
# Runs every example against LONGREACH_URL, in the environments that conformance/run.py fetched before. Exit code 1 when one fails.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
kept=${LONGREACH_CACHE:-$HOME/.cache/longreach}/clients
media=$here/conformance/media
export LONGREACH_URL=${LONGREACH_URL:-http://127.0.0.1:8080}
failed=0

# Runs one example, shows what it said only when it failed.
try() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        echo "ok    $name"
    else
        echo "FAIL  $name"
        printf '%s\n' "$out" | tail -n 20
        failed=1
    fi
}

# The newest that was fetched of client $1.
newest() { find "$kept" -maxdepth 1 -name "$1-[0-9]*" | sort -V | tail -n 1; }

python=$(newest python)/bin/python openai=$(newest openai-python)/bin/python
try example.py "$python" "$here/python/example.py" "$media/notice.pdf" "Who is the harbour master?"
try cache_example.py "$python" "$here/python/cache_example.py" "$media/notice.pdf" "Who is the harbour master?"
try structured.py "$python" "$here/python/structured.py" "$LONGREACH_URL"
try openai_example.py "$openai" "$here/python/openai_example.py" "$media/speech.mp3"
# Node looks for packages beside the script.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$here"/typescript/*.mjs "$scratch"
for each in javascript:example.mjs openai-javascript:openai_example.mjs; do
    ln -sfn "$(newest "${each%%:*}")/node_modules" "$scratch/node_modules"
    try "${each#*:}" node "$scratch/${each#*:}" "$media/notice.pdf" "Who is the harbour master?"
done
try curl.sh "$here/curl/curl.sh"
exit $failed
