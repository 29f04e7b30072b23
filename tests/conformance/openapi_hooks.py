"""Hooks for schemathesis: what it makes up is led to where something happens, and its requests are counted."""

import atexit
import os
import zlib

import schemathesis

# Most made-up names are of no model, and then nothing but a 404 is tested.
MODEL = "default"
REPOSITORY = "org/model"

# How the routes call the limit of a reply. Replies of thousands of tokens would test the model.
LIMITS = {"/v1/chat/completions": "max_completion_tokens", "/v1/responses": "max_output_tokens",
          "/v1/messages": "max_tokens", "/v1/completions": "max_tokens"}
LONGEST = 32

requests = 0


def mostly(text):
    """Three times out of four, and the same for the same text."""
    return zlib.crc32(text.encode(errors="replace")) % 4 != 0


@schemathesis.hook
def before_call(context, case, kwargs):
    path, body = case.operation.path, case.body
    if path == "/v1/models/{name}" and mostly(repr(case.path_parameters)):
        case.path_parameters["name"] = MODEL
    if not isinstance(body, dict):
        return
    name = body.get("model")
    if isinstance(name, str) and mostly(name):
        body["model"] = REPOSITORY if path.startswith("/api/models/download") else MODEL
    limit = LIMITS.get(path)
    asked = body.get(limit) if limit else None
    is_long = isinstance(asked, int) and not isinstance(asked, bool) and LONGEST < asked < 2**32
    if limit and (asked is None and limit != "max_tokens" or is_long):
        body[limit] = LONGEST


@schemathesis.hook
def after_call(context, case, response):
    global requests
    requests += 1


@atexit.register
def tell():
    with open(os.environ["SHORN_REQUEST_COUNT"], "w") as file:
        file.write(str(requests))
