"""Structured outputs through OpenAI's package, from a model that knows nothing."""

import json
import sys
from typing import Literal, Optional

import openai
import pydantic

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, _strict_response_validation=True)
anything = {"temperature": 2, "top_p": 1, "extra_body": {"top_k": 0}}


class Step(pydantic.BaseModel):
    title: str = pydantic.Field(max_length=20)
    minutes: int
    kind: Literal["read", "write"]


class Plan(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=20)
    steps: list[Step] = pydantic.Field(max_length=3)
    share: float = pydantic.Field(ge=0, le=1)
    note: Optional[Literal["short", "long"]]


class Read(pydantic.BaseModel):
    """Reads a file."""

    path: Literal["a.py", "b.py"]
    limit: Optional[int]


messages = [{"role": "user", "content": "Plan something."}]
for seed in range(5):
    completion = client.chat.completions.parse(
        model="default", messages=messages, response_format=Plan, seed=seed, max_tokens=3000, **anything
    )
    assert isinstance(completion.choices[0].message.parsed, Plan), completion

tools = [openai.pydantic_function_tool(Read)]
for choice in ["required", {"type": "function", "function": {"name": "Read"}}]:
    completion = client.chat.completions.parse(
        model="default", messages=messages, tools=tools, tool_choice=choice, seed=1, max_tokens=3000,
        parallel_tool_calls=False, **anything
    )
    (call,) = completion.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Read), call

response = client.responses.parse(
    model="default", input="Plan something.", text_format=Plan, max_output_tokens=3000, **anything
)
assert isinstance(response.output_parsed, Plan), response

both = client.chat.completions.create(model="default", messages=messages, n=2, seed=1, max_tokens=5, **anything)
assert [choice.index for choice in both.choices] == [0, 1]
assert both.usage.completion_tokens <= 10

try:
    schema = {"type": "array", "uniqueItems": True}
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    client.chat.completions.create(model="default", messages=messages, response_format=form)
    raise AssertionError(f"{json.dumps(schema)} was accepted")
except openai.BadRequestError as error:
    assert error.param == "response_format" and "uniqueItems" in error.message, error
