"""Chat, embeddings and a transcript with OpenAI's own Python SDK; only the base URL is new.

    pip install openai
    python openai_example.py talk.mp3
"""

import os
import sys

import openai


def main() -> None:
    client = openai.OpenAI(
        api_key=os.environ.get("OPENAI_API_KEY", "any"),
        base_url=os.environ.get("LONGREACH_URL", "http://127.0.0.1:8080") + "/openai/v1",
    )
    names = [model.id for model in client.models.list()]
    model = os.environ.get("LONGREACH_MODEL") or names[0]
    print("models:", ", ".join(names))

    messages = [
        {"role": "system", "content": "Answer in one short sentence."},
        {"role": "user", "content": "What is a lighthouse for?"},
    ]
    answer = client.chat.completions.create(
        model=model, messages=messages, max_tokens=32, temperature=0, seed=1, stop=["\n\n"], logprobs=True, top_logprobs=2
    )
    choice = answer.choices[0]
    print(f"answer ({choice.finish_reason}):", choice.message.content)
    print(f"first token {choice.logprobs.content[0].token!r}, {len(choice.logprobs.content[0].top_logprobs)} best ones")
    print("usage:", answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)

    print("again, streamed: ", end="")
    stream = client.chat.completions.create(
        model=model, messages=messages, max_tokens=32, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
        if chunk.usage:
            print(f"\ncached: {chunk.usage.prompt_tokens_details.cached_tokens} of {chunk.usage.prompt_tokens} tokens")

    many = client.chat.completions.create(model=model, messages=messages, max_tokens=8, n=2, seed=3, temperature=0.9)
    print("choices:", len(many.choices))

    vectors = client.embeddings.create(model="all-minilm-l6-v2", input=["The ferry leaves at six.", "A boat departs."])
    a, b = (item.embedding for item in vectors.data)
    print(f"embeddings: {len(a)} values, cosine {sum(x * y for x, y in zip(a, b)):.3f}")

    if len(sys.argv) > 1:
        with open(sys.argv[1], "rb") as recording:
            spoken = client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="verbose_json")
        print(f"transcript: {spoken.duration:.1f} s, {len(spoken.segments)} segments: {spoken.text[:60]}")

    try:
        client.chat.completions.create(model="no-such-model", messages=messages)
    except openai.NotFoundError as e:
        print("an unknown model:", e.code)
    try:
        client.chat.completions.create(model=model, messages=messages, temperature=9)
    except openai.BadRequestError as e:
        print("a bad field:", e.param)


if __name__ == "__main__":
    main()
