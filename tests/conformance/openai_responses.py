"""The Responses API through OpenAI's package, which checks every object and every event against its types.

The server answers the requests below in order: four times the same whole reply, then one that is cut off in a call.
"""

import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, _strict_response_validation=True)

tools = [
    {"type": "function", "name": "read", "strict": False, "parameters": {"type": "object", "properties": {}}},
    {"type": "custom", "name": "apply_patch", "description": "Patches files."},
]
request = {"model": "default", "input": "Fix it.", "instructions": "Be brief.", "tools": tools}


def check(response):
    assert response.status == "completed", response
    assert response.output_text == "I fix it.", response
    reasoning, message, read, patch = response.output
    assert reasoning.content[0].text == "Which file?"
    assert message.status == "completed"
    assert (read.type, read.name, read.arguments) == ("function_call", "read", '{"path":"a.py"}')
    assert (patch.type, patch.name, patch.input) == ("custom_tool_call", "apply_patch", '*** "x"\n+\ta')
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    response.to_json()


# 1: whole.
whole = client.responses.create(**request, metadata={"a": "b"})
check(whole)
assert (whole.instructions, whole.metadata) == ("Be brief.", {"a": "b"})

# 2: the events as they are.
events = list(client.responses.create(**request, stream=True))
assert [event.sequence_number for event in events] == list(range(len(events)))
assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
check(events[-1].response)

# 3: the events put together by the package, which compares them.
with client.responses.stream(**request) as stream:
    deltas = {"response.output_text.delta": "", "response.custom_tool_call_input.delta": ""}
    for event in stream:
        if event.type in deltas:
            deltas[event.type] += event.delta
    check(stream.get_final_response())
assert list(deltas.values()) == ["I fix it.", '*** "x"\n+\ta'], deltas

# 4: going on from what is kept, by its id or by its items.
results = [
    {"type": "function_call_output", "call_id": whole.output[2].call_id, "output": "x"},
    {"type": "custom_tool_call_output", "call_id": whole.output[3].call_id, "output": "ok"},
]
after = client.responses.create(**{**request, "input": results}, previous_response_id=whole.id)
check(after)
assert after.previous_response_id == whole.id
assert after.usage.input_tokens > whole.usage.input_tokens

kept = client.responses.retrieve(whole.id)
assert kept == whole
client.responses.delete(whole.id)
for gone in (client.responses.retrieve, client.responses.delete):
    try:
        gone(whole.id)
        raise AssertionError("it is still there")
    except openai.NotFoundError as error:
        assert whole.id in error.message

# 5: cut off within a call.
events = list(client.responses.create(**request, stream=True, store=False))
assert events[-1].type == "response.incomplete", events[-1]
cut = events[-1].response
assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
assert cut.output[-1].status == "incomplete"
done = [event.item.type for event in events if event.type == "response.output_item.done"]
assert done == ["message"], done

# Refusals.
for wrong, field in [
    ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
    ({"background": True}, "background"),
    ({"previous_response_id": whole.id}, "previous_response_id"),
]:
    try:
        client.responses.create(**{**request, **wrong})
        raise AssertionError(f"{wrong} was accepted")
    except openai.BadRequestError as error:
        assert error.param == field, error
try:
    client.responses.create(**{**request, "input": "word " * 20000})
    raise AssertionError("it is too long")
except openai.BadRequestError as error:
    assert error.code == "context_length_exceeded" and "prompt is too long" in error.message, error
