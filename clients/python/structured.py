"""JSON that fits a pydantic model, a choice, and function calls, with Google's SDK.

    pip install google-genai pydantic
    python clients/python/structured.py http://127.0.0.1:8080
"""

import enum
import os
import sys
from typing import Annotated

from google import genai
from google.genai import types
from pydantic import BaseModel, Field

MODEL = "smollm2-135m"
client = genai.Client(
    api_key=os.environ.get("GEMINI_API_KEY", "any"),
    http_options=types.HttpOptions(base_url=sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"),
)


class Ship(BaseModel):
    """Bounded, because a small model may not find the end of a list or a text by itself."""

    name: str = Field(max_length=30)
    year: int
    cargo: list[Annotated[str, Field(max_length=20)]] = Field(max_length=3)


class Mood(enum.Enum):
    CALM = "calm"
    ROUGH = "rough"


def schema() -> None:
    answer = client.models.generate_content(
        model=MODEL,
        contents="The Aurora was built in 1904 and carried timber and salt. Describe the ship as JSON.",
        config=types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=Ship, temperature=0, max_output_tokens=120
        ),
    )
    ship = answer.parsed
    assert isinstance(ship, Ship), answer.text
    print("schema:", ship)


def choice() -> None:
    answer = client.models.generate_content(
        model=MODEL,
        contents="The waves were ten metres high. Was the sea calm or rough?",
        config=types.GenerateContentConfig(response_mime_type="text/x.enum", response_schema=Mood, temperature=0),
    )
    assert answer.text in ("calm", "rough"), answer.text
    print("choice:", answer.text)


def functions() -> None:
    weather = types.FunctionDeclaration(
        name="get_weather",
        description="Tells the weather in a city.",
        parameters=types.Schema(
            type=types.Type.OBJECT,
            properties={
                "city": types.Schema(type=types.Type.STRING, max_length=40),
                "unit": types.Schema(type=types.Type.STRING, enum=["celsius", "fahrenheit"]),
            },
            required=["city"],
        ),
    )
    tools = [types.Tool(function_declarations=[weather])]
    contents = [types.UserContent("What is the weather in Oslo?")]
    must = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
    answer = client.models.generate_content(
        model=MODEL,
        contents=contents,
        config=types.GenerateContentConfig(tools=tools, tool_config=must, temperature=0, max_output_tokens=200),
    )
    call = answer.function_calls[0]
    assert call.name == "get_weather" and call.args["city"], answer
    print("call:", call.name, call.args)

    contents.append(answer.candidates[0].content)
    contents.append(
        types.Content(
            role="user",
            parts=[types.Part.from_function_response(name=call.name, response={"sky": "clear", "degrees": 12})],
        )
    )
    answer = client.models.generate_content(
        model=MODEL,
        contents=contents,
        config=types.GenerateContentConfig(
            tools=tools,
            tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="NONE")),
            temperature=0,
            max_output_tokens=60,
        ),
    )
    assert answer.text, answer
    print("answer:", answer.text)


if __name__ == "__main__":
    schema()
    choice()
    functions()
