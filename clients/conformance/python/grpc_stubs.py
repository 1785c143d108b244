"""The gRPC client that Google generates from its own protos (PyPI google-ai-generativelanguage), unmodified.

    pip install google-ai-generativelanguage
    LONGREACH_URL=http://127.0.0.1:8080 LONGREACH_GRPC=127.0.0.1:9090 python grpc_stubs.py [CASE ...]

The service's gRPC port has no TLS by itself, so the channel is made here and handed to the client's own transport.
"""

import importlib.metadata
import json

import grpc
from google.ai import generativelanguage_v1beta as glm
from google.api_core import exceptions
from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2

import report
from report import FACT, MEDIA, QUESTION, check

MODEL, EMBEDDER = "models/" + report.MODEL, "models/" + report.EMBEDDER


def connect(client, key: str = report.KEY):
    transport = client.get_transport_class("grpc")

    class WithKey(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
        def intercept_unary_unary(self, proceed, details, request):
            return proceed(self._keyed(details), request)

        def intercept_unary_stream(self, proceed, details, request):
            return proceed(self._keyed(details), request)

        @staticmethod
        def _keyed(details):
            return details._replace(metadata=list(details.metadata or []) + [("x-goog-api-key", key)])

    channel = grpc.intercept_channel(grpc.insecure_channel(report.GRPC), WithKey())
    return client(transport=transport(channel=channel))


generative = connect(glm.GenerativeServiceClient)
caches = connect(glm.CacheServiceClient)
files_client = connect(glm.FileServiceClient)


def text(words: str, role: str = "user") -> glm.Content:
    return glm.Content(role=role, parts=[glm.Part(text=words)])


def request(*contents, max_output_tokens=8, config=None, **more) -> glm.GenerateContentRequest:
    contents = [text(c) if isinstance(c, str) else c for c in contents]
    made = glm.GenerationConfig(temperature=0, max_output_tokens=max_output_tokens, **(config or {}))
    return glm.GenerateContentRequest(model=MODEL, contents=contents, generation_config=made, **more)


def ask(*contents, **more) -> glm.GenerateContentResponse:
    return generative.generate_content(request(*contents, **more))


def words(answer) -> str:
    return "".join(part.text for part in answer.candidates[0].content.parts) if answer.candidates else ""


def check_answer(answer) -> None:
    usage = answer.usage_metadata
    check(words(answer), answer)
    check(usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count > 0, usage)


def refused(call, kind) -> str:
    try:
        call()
    except kind as e:
        return str(e)
    raise AssertionError(f"was answered (expected: {kind.__name__})")


def generate() -> None:
    check_answer(ask(FACT + QUESTION))


def stream() -> None:
    whole = ask(FACT + QUESTION)
    pieces = list(generative.stream_generate_content(request(FACT + QUESTION)))
    check(len(pieces) > 1 and "".join(map(words, pieces)) == words(whole), pieces)


def chat() -> None:
    first = ask("My name is Ada.")
    second = ask("My name is Ada.", first.candidates[0].content, "What is my name?")
    check_answer(second)
    check(second.usage_metadata.prompt_token_count > first.usage_metadata.prompt_token_count, second)


def system_instruction() -> None:
    told = ask(QUESTION, system_instruction=glm.Content(parts=[glm.Part(text="Answer with one word. " + FACT)]))
    check(words(told) != words(ask(QUESTION)), told)


def about(name: str, mime_type: str, question: str, expected: str) -> None:
    blob = glm.Blob(mime_type=mime_type, data=(MEDIA / name).read_bytes())
    asked = glm.Content(role="user", parts=[glm.Part(inline_data=blob), glm.Part(text=question)])
    answer = ask(asked, max_output_tokens=16)
    check_answer(answer)
    check(expected in str(answer), answer)


def files() -> None:
    listed = files_client.list_files(glm.ListFilesRequest(page_size=10))
    check(all(each.name.startswith("files/") for each in listed), "names")
    # Content goes up over HTTP alone, as with Google's own service.
    refused(lambda: files_client.get_file(glm.GetFileRequest(name="files/none-such")), exceptions.NotFound)
    refused(lambda: files_client.delete_file(glm.DeleteFileRequest(name="files/none-such")), exceptions.NotFound)


def count_tokens() -> None:
    counted = generative.count_tokens(glm.CountTokensRequest(model=MODEL, contents=[text(FACT + QUESTION)]))
    used = ask(FACT + QUESTION).usage_metadata.prompt_token_count
    check(counted.total_tokens == used, (counted, used))


def cached_content() -> None:
    cache = caches.create_cached_content(
        glm.CreateCachedContentRequest(
            cached_content=glm.CachedContent(
                model=MODEL, contents=[text(FACT * 12)], ttl=duration_pb2.Duration(seconds=300), display_name="light"
            )
        )
    )
    check(cache.usage_metadata.total_token_count > 100, cache)
    answer = ask(QUESTION, cached_content=cache.name)
    check(answer.usage_metadata.cached_content_token_count > 100, answer.usage_metadata)
    check(cache.name in [each.name for each in caches.list_cached_contents(glm.ListCachedContentsRequest())], cache)
    longer = caches.update_cached_content(
        glm.UpdateCachedContentRequest(
            cached_content=glm.CachedContent(name=cache.name, ttl=duration_pb2.Duration(seconds=7200)),
            update_mask=field_mask_pb2.FieldMask(paths=["ttl"]),
        )
    )
    check(longer.expire_time > cache.expire_time, longer)
    caches.delete_cached_content(glm.DeleteCachedContentRequest(name=cache.name))
    refused(lambda: caches.get_cached_content(glm.GetCachedContentRequest(name=cache.name)), exceptions.NotFound)


def function_calling() -> None:
    city = glm.Schema(type_=glm.Type.STRING, max_length=30)
    weather = glm.FunctionDeclaration(
        name="get_weather",
        description="Tells the weather in a city.",
        parameters=glm.Schema(type_=glm.Type.OBJECT, properties={"city": city}, required=["city"]),
    )
    tools = [glm.Tool(function_declarations=[weather])]

    def mode(name: str) -> glm.ToolConfig:
        return glm.ToolConfig(function_calling_config=glm.FunctionCallingConfig(mode=name))

    question = text("What is the weather in Oslo?")
    asked = ask(question, tools=tools, tool_config=mode("ANY"), max_output_tokens=80)
    call = asked.candidates[0].content.parts[0].function_call
    check(call.name == "get_weather" and isinstance(call.args["city"], str), asked)
    result = struct_pb2.Struct()
    result.update({"sky": "clear", "degrees": 12})
    part = glm.Part(function_response=glm.FunctionResponse(name=call.name, response=result))
    told = glm.Content(role="user", parts=[part])
    check_answer(ask(question, asked.candidates[0].content, told, tools=tools, tool_config=mode("NONE")))


def json_schema() -> None:
    schema = glm.Schema(
        type_=glm.Type.OBJECT,
        properties={
            "name": glm.Schema(type_=glm.Type.STRING, max_length=20),
            "year": glm.Schema(type_=glm.Type.INTEGER),
        },
        required=["name", "year"],
    )
    answer = ask(
        "The Aurora was built in 1904. Describe the ship as JSON.",
        config={"response_mime_type": "application/json", "response_schema": schema},
        max_output_tokens=80,
    )
    check(sorted(json.loads(words(answer))) == ["name", "year"], answer)


def embeddings() -> None:
    made = generative.batch_embed_contents(
        glm.BatchEmbedContentsRequest(
            model=EMBEDDER,
            requests=[glm.EmbedContentRequest(model=EMBEDDER, content=text(each)) for each in report.SENTENCES],
        )
    )
    report.check_embeddings([each.values for each in made.embeddings])


def error_bad_key() -> None:
    other = connect(glm.GenerativeServiceClient, "wrong")
    check("API key" in refused(lambda: other.generate_content(request("Hello")), exceptions.InvalidArgument), "says so")


def error_bad_model() -> None:
    wrong = glm.GenerateContentRequest(model="models/no-such-model", contents=[text("Hello")])
    check("no-such-model" in refused(lambda: generative.generate_content(wrong), exceptions.NotFound), "names it")


def error_quota() -> None:
    limited = connect(glm.GenerativeServiceClient, report.LIMITED_KEY)

    def beyond():
        for _ in range(2):
            limited.generate_content(request("Hello", max_output_tokens=1), retry=None)

    refused(beyond, exceptions.ResourceExhausted)


def error_too_long() -> None:
    refused(lambda: ask(report.TOO_LONG), exceptions.InvalidArgument)


if __name__ == "__main__":
    cases = {name: globals()[name] for name in report.CASES if name in globals()}
    cases["image"] = lambda: about("sign.png", "image/png", "Where does the train go?", "Velmora")
    cases["audio"] = lambda: about("speech.mp3", "audio/mpeg", "Who is spoken to?", "Americans")
    cases["pdf"] = lambda: about("notice.pdf", "application/pdf", "Who is the harbour master?", "Solberg")
    cases["video"] = lambda: about("clip.mp4", "video/mp4", "Who is the speaker?", "Kennedy")
    version = importlib.metadata.version("google-ai-generativelanguage")
    report.run("google-ai-generativelanguage", "gRPC", version, cases)
