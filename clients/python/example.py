"""Asks a document with Google's own Python SDK; only the base URL is new.

    pip install google-genai
    python example.py report.pdf "Who is the harbour master?"
"""

import os
import sys
import time

from google import genai


def main() -> None:
    path, question = sys.argv[1], sys.argv[2]
    client = genai.Client(
        api_key=os.environ.get("GEMINI_API_KEY", "any"),
        http_options={"base_url": os.environ.get("LONGREACH_URL", "http://127.0.0.1:8080")},
    )
    model = os.environ.get("LONGREACH_MODEL") or next(iter(client.models.list())).name

    file = client.files.upload(file=path)
    while file.state.name == "PROCESSING":
        time.sleep(0.5)
        file = client.files.get(name=file.name)
    if file.state.name != "ACTIVE":
        sys.exit(f"{path}: {file.error.message}")

    contents = [file, question]
    print("tokens:", client.models.count_tokens(model=model, contents=contents).total_tokens)

    answer = client.models.generate_content(model=model, contents=contents)
    print("answer:", answer.text)
    for chunk in answer.candidates[0].grounding_metadata.grounding_chunks:
        print("source:", chunk.retrieved_context.title)

    print("again, streamed: ", end="")
    for piece in client.models.generate_content_stream(model=model, contents=contents):
        print(piece.text or "", end="", flush=True)
        usage = piece.usage_metadata
    print(f"\nprompt {usage.prompt_token_count} tokens, {usage.cached_content_token_count or 0} from the cache")


if __name__ == "__main__":
    main()
