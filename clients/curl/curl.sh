#!/usr/bin/env bash
# The service with curl alone: a question, a stream, a file, a count. LONGREACH_URL and GEMINI_API_KEY say where.
set -euo pipefail

url=${LONGREACH_URL:-http://127.0.0.1:8080} key=${GEMINI_API_KEY:-any} model=${LONGREACH_MODEL:-smollm2-135m}
file=${1:-$(dirname "${BASH_SOURCE[0]}")/../conformance/media/notice.pdf}
send() { curl --fail-with-body -sS -H "x-goog-api-key: $key" "$@"; }
call() { send -H 'Content-Type: application/json' "$@"; }

echo "--- a question"
call "$url/v1beta/models/$model:generateContent" -d '{
  "contents": [{"role": "user", "parts": [{"text": "What is a lighthouse for?"}]}],
  "generationConfig": {"temperature": 0, "maxOutputTokens": 16}
}'

printf '\n--- the same, streamed\n'
call -N "$url/v1beta/models/$model:streamGenerateContent?alt=sse" -d '{
  "contents": [{"role": "user", "parts": [{"text": "What is a lighthouse for?"}]}],
  "generationConfig": {"temperature": 0, "maxOutputTokens": 16}
}'

printf '\n--- a file, in one go\n'
made=$(send "$url/upload/v1beta/files" -H 'X-Goog-Upload-Protocol: raw' -H 'Content-Type: application/pdf' \
    -H "X-Goog-Upload-File-Name: $(basename "$file")" --data-binary "@$file")
echo "$made"
name=$(sed -n 's/.*"name": *"\(files\/[a-z0-9-]*\)".*/\1/p' <<<"$made" | head -n 1)
while stored=$(call "$url/v1beta/$name") && grep -q '"state": *"PROCESSING"' <<<"$stored"; do sleep 0.5; done
grep -q '"state": *"ACTIVE"' <<<"$stored" || { echo "$stored" >&2; exit 1; }
uri=$(sed -n 's/.*"uri": *"\([^"]*\)".*/\1/p' <<<"$stored" | head -n 1)

printf '\n--- what a question about it would take, and its answer\n'
contents='[{"role": "user", "parts": [{"fileData": {"mimeType": "application/pdf", "fileUri": "'$uri'"}},
  {"text": "Who is the harbour master?"}]}]'
call "$url/v1beta/models/$model:countTokens" -d "{\"contents\": $contents}"
call "$url/v1beta/models/$model:generateContent" -d "{\"contents\": $contents,
  \"generationConfig\": {\"temperature\": 0, \"maxOutputTokens\": 16}}"
call -X DELETE "$url/v1beta/$name"
echo
