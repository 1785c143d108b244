"""Caches a document with Google's own Python SDK and asks it twice; then embeds two sentences.

    pip install google-genai
    python cache_example.py report.pdf "How long will the new power cable be?"
"""

import os
import sys
import time

from google import genai
from google.genai import errors, types


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

    cache = client.caches.create(
        model=model, config=types.CreateCachedContentConfig(contents=[file], ttl="300s", display_name="report")
    )
    print("cached:", cache.usage_metadata.total_token_count, "tokens until", cache.expire_time)
    config = types.GenerateContentConfig(cached_content=cache.name, temperature=0, max_output_tokens=24)
    for _ in range(2):
        answer = client.models.generate_content(model=model, contents=question, config=config)
        usage = answer.usage_metadata
        print(f"answer: {answer.text!r}; {usage.cached_content_token_count} of {usage.prompt_token_count} tokens cached")

    cache = client.caches.update(name=cache.name, config=types.UpdateCachedContentConfig(ttl="7200s"))
    print("extended until", cache.expire_time)
    print("listed:", [each.name for each in client.caches.list()] == [cache.name])
    client.caches.delete(name=cache.name)
    try:
        client.caches.get(name=cache.name)
    except errors.ClientError as e:
        print("deleted:", e.code, e.status)

    embedded = client.models.embed_content(
        model="all-minilm-l6-v2",
        contents=["The ferry leaves at six.", "A boat departs."],
        config=types.EmbedContentConfig(task_type="SEMANTIC_SIMILARITY", output_dimensionality=128),
    )
    a, b = (each.values for each in embedded.embeddings)
    print(f"embeddings: {len(a)} values, cosine {sum(x * y for x, y in zip(a, b)):.3f}")
    client.files.delete(name=file.name)
    print("files left:", len(list(client.files.list())))


if __name__ == "__main__":
    main()
