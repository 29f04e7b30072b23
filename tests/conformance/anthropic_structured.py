"""Structured outputs and forced tools through Anthropic's package, from a model that knows nothing."""

import json
import sys

import anthropic

client = anthropic.Anthropic(base_url=sys.argv[1], api_key="none", max_retries=0, _strict_response_validation=True)
messages = [{"role": "user", "content": "Say something."}]
schema = {
    "type": "object",
    "properties": {"path": {"enum": ["a.py", "b.py"]}, "line": {"type": "integer", "minimum": 1, "maximum": 99}},
    "required": ["path", "line"],
    "additionalProperties": False,
}
anything = {"temperature": 1, "top_k": 0}
asked = {"model": "claude-none", "max_tokens": 2000, "messages": messages}


def check(value):
    assert value["path"] in ["a.py", "b.py"] and 1 <= value["line"] <= 99, value


tools = [{"name": "read", "description": "Reads.", "input_schema": schema}]
for choice in [{"type": "any"}, {"type": "tool", "name": "read", "disable_parallel_tool_use": True}]:
    message = client.messages.create(tools=tools, tool_choice=choice, extra_body=anything, **asked)
    assert message.stop_reason == "tool_use", message
    for block in message.content:
        assert block.type == "tool_use" and block.name == "read", message
        check(block.input)

named = {"type": "tool", "name": "read"}
with client.messages.stream(tools=tools, tool_choice=named, extra_body=anything, **asked) as stream:
    final = stream.get_final_message()
check(final.content[0].input)

form = {"format": {"type": "json_schema", "schema": schema}}
message = client.messages.create(extra_body={**anything, "output_config": form}, **asked)
check(json.loads(message.content[0].text))
