"""OpenAI's Python SDK, unmodified, through the cases that it has calls for.

    pip install openai
    LONGREACH_URL=http://127.0.0.1:8080 python openai_sdk.py [CASE ...]
"""

import base64
import json

import openai

import report
from report import FACT, MEDIA, MODEL, QUESTION, check


def connect(key: str = report.KEY) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=report.URL + "/openai/v1", max_retries=0)


client = connect()


def ask(messages, **more):
    messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    return client.chat.completions.create(
        **{"model": MODEL, "messages": messages, "temperature": 0, "max_tokens": 8, **more}
    )


def check_answer(answer) -> None:
    usage = answer.usage
    check(answer.choices[0].message.content and answer.choices[0].finish_reason in ("stop", "length"), answer)
    check(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0, usage)


def generate() -> None:
    check_answer(ask(FACT + QUESTION))


def stream() -> None:
    whole = ask(FACT + QUESTION)
    pieces = list(ask(FACT + QUESTION, stream=True, stream_options={"include_usage": True}))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    check(len(pieces) > 2 and text == whole.choices[0].message.content, pieces)
    check(pieces[-1].usage.total_tokens == whole.usage.total_tokens, pieces[-1])


def chat() -> None:
    messages = [{"role": "user", "content": "My name is Ada."}]
    first = ask(messages)
    messages += [first.choices[0].message, {"role": "user", "content": "What is my name?"}]
    second = ask(messages)
    check_answer(second)
    check(second.usage.prompt_tokens > first.usage.prompt_tokens, second)


def system_instruction() -> None:
    plain = ask(QUESTION)
    told = ask([{"role": "system", "content": "Answer with one word. " + FACT}, {"role": "user", "content": QUESTION}])
    check(told.usage.prompt_tokens > plain.usage.prompt_tokens, told)
    check(told.choices[0].message.content != plain.choices[0].message.content, told)


def about(part: dict, question: str) -> None:
    """The prompt holds what was read: more tokens than the question alone."""
    content = [part, {"type": "text", "text": question}]
    answer = ask([{"role": "user", "content": content}], max_tokens=16)
    check_answer(answer)
    check(answer.usage.prompt_tokens > ask(question, max_tokens=1).usage.prompt_tokens + 3, answer)


def data(name: str) -> str:
    return base64.b64encode((MEDIA / name).read_bytes()).decode()


def image() -> None:
    about(
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + data("sign.png")}}, "Where does it go?"
    )


def audio() -> None:
    about({"type": "input_audio", "input_audio": {"data": data("speech.mp3"), "format": "mp3"}}, "Who is spoken to?")


def pdf() -> None:
    file = {"filename": "notice.pdf", "file_data": "data:application/pdf;base64," + data("notice.pdf")}
    about({"type": "file", "file": file}, "Who is the harbour master?")


def video() -> None:
    # Not of OpenAI's own; other servers have the part under this name, and the client sends it unchecked.
    about({"type": "video_url", "video_url": {"url": "data:video/mp4;base64," + data("clip.mp4")}}, "Who is it?")


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 30}},
            "required": ["city"],
        },
    },
}


def function_calling() -> None:
    messages = [{"role": "user", "content": "What is the weather in Oslo?"}]
    asked = ask(messages, tools=[WEATHER], tool_choice="required", max_tokens=80)
    call = asked.choices[0].message.tool_calls[0]
    check(call.function.name == "get_weather" and isinstance(json.loads(call.function.arguments)["city"], str), asked)
    check(asked.choices[0].finish_reason == "tool_calls", asked)
    messages += [asked.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'}]
    check_answer(ask(messages, tools=[WEATHER], tool_choice="none"))


def json_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "year": {"type": "integer"}},
        "required": ["name", "year"],
        "additionalProperties": False,
    }
    answer = ask(
        "The Aurora was built in 1904. Describe the ship as JSON.",
        response_format={"type": "json_schema", "json_schema": {"name": "ship", "strict": True, "schema": schema}},
        max_tokens=80,
    )
    ship = json.loads(answer.choices[0].message.content)
    check(sorted(ship) == ["name", "year"] and isinstance(ship["year"], int), answer)


def embeddings() -> None:
    # Asked for nothing else, the client wants base64 and decodes it.
    made = client.embeddings.create(model=report.EMBEDDER, input=report.SENTENCES)
    report.check_embeddings([each.embedding for each in made.data])


def transcription() -> None:
    with open(MEDIA / "speech.mp3", "rb") as recording:
        spoken = client.audio.transcriptions.create(
            model="whisper-1", file=recording, response_format="verbose_json", timestamp_granularities=["segment"]
        )
    check("americans" in spoken.text.lower() and 3 < spoken.duration < 5 and spoken.segments, spoken)
    with open(MEDIA / "clip.mp4", "rb") as recording:
        subtitles = client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="srt")
    check("-->" in subtitles, subtitles)


def error_bad_key() -> None:
    text = report.refused(lambda: connect("wrong").models.list(), 401)
    check("invalid_api_key" in text or "API key" in text, text)


def error_bad_model() -> None:
    check("no-such-model" in report.refused(lambda: ask("Hello", model="no-such-model"), 404), "names the model")


def error_quota() -> None:
    limited = connect(report.LIMITED_KEY)

    def beyond():
        for _ in range(2):
            limited.chat.completions.create(
                model=MODEL, max_tokens=1, messages=[{"role": "user", "content": "Hello"}]
            )

    report.refused(beyond, 429)


def error_too_long() -> None:
    report.refused(lambda: ask(report.TOO_LONG), 400)


if __name__ == "__main__":
    cases = {name: globals()[name] for name in report.CASES if name in globals()}
    report.run("openai", "Python", openai.__version__, cases)
