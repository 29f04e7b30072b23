"""Anthropic's own Python client against a server whose worker follows a script: every object and event is validated by
the package's types, strictly, which the client itself does not do. Run with `-W error`: a warning fails.

The script of the worker is in `tests/messages.rs`, answer by answer: whole, streamed, followed up, cut off, failing.
"""

import sys

import anthropic
from anthropic.types import Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
from pydantic import TypeAdapter

URL = sys.argv[1]
TOOLS = [
    {
        "name": "read",
        "description": "Reads a file.",
        "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
    }
]
ASK = {
    "model": "claude-any",
    "max_tokens": 500,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "Read a and b."}],
    "tools": TOOLS,
}


def check_reply(reply):
    Message.model_validate(reply.to_dict(), strict=True)
    assert [block.type for block in reply.content] == ["thinking", "text", "tool_use", "tool_use"], reply
    thinking, text, first, second = reply.content
    assert thinking.thinking == "Two files." and thinking.signature, thinking
    assert text.text == "I read them.", text
    assert (first.input, second.input) == ({"path": "ü.txt"}, {"path": "b.txt"}), reply
    assert first.id.startswith("toolu_") and first.id != second.id
    assert (reply.stop_reason, reply.stop_sequence) == ("tool_use", None)
    assert reply.model == "reasoning", reply.model
    usage = reply.usage
    assert usage.input_tokens > 0 and usage.output_tokens > 0 and usage.cache_read_input_tokens == 0, usage


def events_of(stream):
    events = []
    for event in stream:
        TypeAdapter(RawMessageStreamEvent).validate_python(event.to_dict(), strict=True)
        events.append(event)
    return events


def raises(kind, status, error_type, call):
    try:
        call()
    except kind as error:
        assert error.status_code == status, error
        assert error.body["type"] == "error" and error.body["error"]["type"] == error_type, error.body
        return error
    raise AssertionError(f"no {kind.__name__}")


def main():
    client = anthropic.Anthropic(base_url=URL, api_key="x", max_retries=0)

    whole = client.messages.create(**ASK)
    check_reply(whole)
    assert whole._request_id.startswith("req_")

    with client.messages.stream(**ASK) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    check_reply(streamed)
    assert kinds.count("content_block_stop") == 4 and kinds[-1] == "message_stop", kinds
    assert kinds.count("input_json") >= 4, "arguments come as they are generated"

    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "nothing", "is_error": block.input["path"] == "b.txt"}
        for block in streamed.content
        if block.type == "tool_use"
    ]
    turns = [*ASK["messages"], streamed.to_param(), {"role": "user", "content": results}]
    # As Claude Code sends it: another route of the package, the beta features in query and header.
    followed_up = client.beta.messages.create(**{**ASK, "messages": turns}, betas=["context-management-2025-06-27"])
    assert [block.type for block in followed_up.content] == ["text"], followed_up
    assert followed_up.stop_reason == "end_turn"

    events = events_of(client.messages.create(**ASK, stream=True))
    assert events[0].type == "message_start" and events[-1].type == "message_stop"
    assert events[-2].delta.stop_reason == "max_tokens"
    started = {event.index for event in events if event.type == "content_block_start"}
    stopped = {event.index for event in events if event.type == "content_block_stop"}
    assert started - stopped == {max(started)}, "the call that was cut off does not end"

    broken = raises(anthropic.APIStatusError, 200, "api_error", lambda: events_of(client.messages.create(**ASK, stream=True)))
    assert "server error" in str(broken), broken

    count = client.messages.count_tokens(**{key: value for key, value in ASK.items() if key != "max_tokens"})
    MessageTokensCount.model_validate(count.to_dict(), strict=True)
    assert count.input_tokens == whole.usage.input_tokens, count

    models = client.models.list()
    assert [model.id for model in models][0] == "reasoning", models
    ModelInfo.model_validate(models.data[0].to_dict(mode="json"))
    assert client.models.retrieve("reasoning").max_input_tokens > 0

    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    refused = lambda **more: lambda: client.messages.create(**{**ASK, **more})
    error = raises(anthropic.BadRequestError, 400, "invalid_request_error", refused(messages=[{"role": "user", "content": [image]}]))
    assert "messages[0].content[0]" in str(error) and error.request_id == error.body["request_id"], error
    raises(anthropic.NotFoundError, 404, "not_found_error", refused(model="gpt-4o"))
    raises(anthropic.BadRequestError, 400, "invalid_request_error", refused(messages=[{"role": "user", "content": "a " * 20000}]))


main()
print("conforms")
