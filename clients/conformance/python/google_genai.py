"""Google's Python SDK, unmodified, through every case.

    pip install google-genai
    LONGREACH_URL=http://127.0.0.1:8080 python google_genai.py [CASE ...]
"""

import json
import time

from google import genai
from google.genai import errors, types

import report
from report import FACT, MEDIA, MODEL, QUESTION, check

client = genai.Client(api_key=report.KEY, http_options={"base_url": report.URL})
SHORT = {"temperature": 0, "max_output_tokens": 8}


def config(**more) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(**{**SHORT, **more})


def check_answer(answer) -> None:
    usage = answer.usage_metadata
    check(answer.text, answer)
    check(answer.candidates[0].finish_reason.name in ("STOP", "MAX_TOKENS"), answer)
    check(usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count, usage)


def generate() -> None:
    check_answer(client.models.generate_content(model=MODEL, contents=FACT + QUESTION, config=config()))


def stream() -> None:
    whole = client.models.generate_content(model=MODEL, contents=FACT + QUESTION, config=config())
    pieces = list(client.models.generate_content_stream(model=MODEL, contents=FACT + QUESTION, config=config()))
    check(len(pieces) > 1, pieces)
    check("".join(piece.text or "" for piece in pieces) == whole.text, pieces)
    check(pieces[-1].usage_metadata.total_token_count == whole.usage_metadata.total_token_count, pieces[-1])


def chat() -> None:
    talk = client.chats.create(model=MODEL, config=config())
    first = talk.send_message("My name is Ada.")
    second = talk.send_message("What is my name?")
    check_answer(second)
    check(second.usage_metadata.prompt_token_count > first.usage_metadata.prompt_token_count, second)
    check([content.role for content in talk.get_history()] == ["user", "model"] * 2, talk.get_history())


def system_instruction() -> None:
    plain = client.models.generate_content(model=MODEL, contents=QUESTION, config=config())
    told = client.models.generate_content(
        model=MODEL, contents=QUESTION, config=config(system_instruction="Answer with one word. " + FACT)
    )
    check(told.usage_metadata.prompt_token_count > plain.usage_metadata.prompt_token_count, told)
    check(told.text != plain.text, told)


def about(name: str, mime_type: str, question: str, expected: str, modality: str) -> None:
    """What was read of the media must have reached the model: the answer or the grounding repeats it."""
    part = types.Part.from_bytes(data=(MEDIA / name).read_bytes(), mime_type=mime_type)
    answer = client.models.generate_content(model=MODEL, contents=[part, question], config=config(max_output_tokens=16))
    check_answer(answer)
    check(expected in answer.model_dump_json(), answer)
    details = {each.modality.name: each.token_count for each in answer.usage_metadata.prompt_tokens_details}
    check(details.get(modality, 0) > 0, details)
    counted = client.models.count_tokens(model=MODEL, contents=[part, question])
    check(counted.total_tokens == answer.usage_metadata.prompt_token_count, (counted, answer.usage_metadata))


def uploaded(name: str) -> types.File:
    file = client.files.upload(file=MEDIA / name, config={"display_name": name})
    while file.state.name == "PROCESSING":
        time.sleep(0.2)
        file = client.files.get(name=file.name)
    check(file.state.name == "ACTIVE", file)
    return file


def video() -> None:
    file = uploaded("clip.mp4")
    answer = client.models.generate_content(
        model=MODEL, contents=[file, "Who is the speaker?"], config=config(max_output_tokens=16)
    )
    check_answer(answer)
    check("Kennedy" in answer.model_dump_json(), answer)
    client.files.delete(name=file.name)


def files() -> None:
    file = uploaded("notice.pdf")
    check(file.mime_type == "application/pdf" and file.size_bytes == (MEDIA / "notice.pdf").stat().st_size, file)
    check(file.name in [each.name for each in client.files.list(config={"page_size": 1})], file)
    client.files.delete(name=file.name)
    report.refused(lambda: client.files.get(name=file.name), 404)


def count_tokens() -> None:
    counted = client.models.count_tokens(model=MODEL, contents=FACT + QUESTION)
    answer = client.models.generate_content(model=MODEL, contents=FACT + QUESTION, config=config())
    check(counted.total_tokens == answer.usage_metadata.prompt_token_count > 10, (counted, answer))


def cached_content() -> None:
    cache = client.caches.create(
        model=MODEL,
        config=types.CreateCachedContentConfig(contents=[FACT * 12], display_name="light", ttl="300s"),
    )
    check(cache.usage_metadata.total_token_count > 100 and cache.expire_time, cache)
    answer = client.models.generate_content(model=MODEL, contents=QUESTION, config=config(cached_content=cache.name))
    check(answer.usage_metadata.cached_content_token_count > 100, answer.usage_metadata)
    check(client.caches.get(name=cache.name).display_name == "light", cache)
    check(cache.name in [each.name for each in client.caches.list()], cache)
    longer = client.caches.update(name=cache.name, config=types.UpdateCachedContentConfig(ttl="7200s"))
    check(longer.expire_time > cache.expire_time, (cache, longer))
    client.caches.delete(name=cache.name)
    report.refused(lambda: client.caches.get(name=cache.name), 404)


def function_calling() -> None:
    weather = types.FunctionDeclaration(
        name="get_weather",
        description="Tells the weather in a city.",
        parameters=types.Schema(
            type="OBJECT", properties={"city": types.Schema(type="STRING", max_length=30)}, required=["city"]
        ),
    )
    must = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
    tools = [types.Tool(function_declarations=[weather])]
    contents = [types.UserContent("What is the weather in Oslo?")]
    asked = client.models.generate_content(
        model=MODEL, contents=contents, config=config(tools=tools, tool_config=must, max_output_tokens=80)
    )
    call = asked.function_calls[0]
    check(call.name == "get_weather" and isinstance(call.args["city"], str), asked)
    result = types.Part.from_function_response(name=call.name, response={"sky": "clear", "degrees": 12})
    contents += [asked.candidates[0].content, types.Content(role="user", parts=[result])]
    never = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="NONE"))
    check_answer(
        client.models.generate_content(model=MODEL, contents=contents, config=config(tools=tools, tool_config=never))
    )


def json_schema() -> None:
    schema = types.Schema(
        type="OBJECT",
        properties={"name": types.Schema(type="STRING", max_length=20), "year": types.Schema(type="INTEGER")},
        required=["name", "year"],
    )
    answer = client.models.generate_content(
        model=MODEL,
        contents="The Aurora was built in 1904. Describe the ship as JSON.",
        config=config(response_mime_type="application/json", response_schema=schema, max_output_tokens=80),
    )
    ship = json.loads(answer.text)
    check(sorted(ship) == ["name", "year"] and isinstance(ship["year"], int) and answer.parsed == ship, answer)


def embeddings() -> None:
    made = client.models.embed_content(model=report.EMBEDDER, contents=report.SENTENCES)
    report.check_embeddings([each.values for each in made.embeddings])


def interactions() -> None:
    if not hasattr(client, "interactions"):
        raise report.NotApplicable("the client has no interactions")
    first = client.interactions.create(
        model=MODEL, input="My name is Ada.", generation_config={"temperature": 0, "max_output_tokens": 8}
    )
    check(first.status == "completed" or first.status == "incomplete", first)
    second = client.interactions.create(
        model=MODEL,
        input="What is my name?",
        previous_interaction_id=first.id,
        generation_config={"temperature": 0, "max_output_tokens": 8},
    )
    check(second.usage.total_input_tokens > first.usage.total_input_tokens, second)
    check(client.interactions.get(second.id).id == second.id, second)
    client.interactions.delete(second.id)
    report.refused(lambda: client.interactions.get(second.id), 404)


def short(**options) -> None:
    other = genai.Client(**{"api_key": report.KEY, "http_options": {"base_url": report.URL}, **options})
    other.models.generate_content(model=MODEL, contents="Hello", config=config(max_output_tokens=1))


def error_bad_key() -> None:
    try:
        short(api_key="wrong")
    except errors.ClientError as e:
        check(e.code == 400 and "API_KEY_INVALID" in json.dumps(e.details), e.details)
        return
    raise AssertionError("a wrong key was accepted")


def error_bad_model() -> None:
    call = lambda: client.models.generate_content(model="no-such-model", contents="Hello")
    check("no-such-model" in report.refused(call, 404), "the message names the model")


def error_quota() -> None:
    def beyond():
        for _ in range(2):
            short(api_key=report.LIMITED_KEY)

    check("RESOURCE_EXHAUSTED" in report.refused(beyond, 429), "the status is in the message")


def error_too_long() -> None:
    call = lambda: client.models.generate_content(model=MODEL, contents=report.TOO_LONG)
    check("INVALID_ARGUMENT" in report.refused(call, 400), "the status is in the message")


if __name__ == "__main__":
    cases = {name: globals()[name] for name in report.CASES if name in globals()}
    cases["image"] = lambda: about("sign.png", "image/png", "Where does the train go?", "Velmora", "IMAGE")
    cases["audio"] = lambda: about("speech.mp3", "audio/mpeg", "Who is spoken to?", "Americans", "AUDIO")
    cases["pdf"] = lambda: about("notice.pdf", "application/pdf", "Who is the harbour master?", "Solberg", "DOCUMENT")
    report.run("google-genai", "Python", genai.__version__, cases)
