"""The Completions API through OpenAI's package. The server always answers with the same text."""

import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, _strict_response_validation=True)

whole = client.completions.create(model="default", prompt="def f():", echo=True)
assert whole.choices[0].text == "def f():\n    return 1", whole
assert whole.choices[0].finish_reason == "stop"
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
whole.to_json()

# The package's own type has no place for the `finish_reason` of a chunk that is not the last, which is null with OpenAI
# too: chunks are read as they come.
client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
usage = {"include_usage": True}
chunks = list(client.completions.create(model="default", prompt="def f():", stream=True, stream_options=usage))
assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "\n    return 1", chunks
assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens

try:
    client.completions.create(model="default", prompt="a", suffix="b")
    raise AssertionError("suffix was accepted")
except openai.BadRequestError as error:
    assert error.param == "suffix", error
