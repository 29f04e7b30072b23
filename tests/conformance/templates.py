"""Renders conversations with chat templates as transformers does: templates.py CONVERSATIONS.json FOLDER

Prints a JSON object: for each template of the folder a list with an entry for each form that messages can have (see
FORMS), a list of {"text": ...} or {"error": ...} for each conversation.
"""

import copy
import itertools
import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

given = json.loads(Path(sys.argv[1]).read_text())

# What differs between templates, and what Shorn finds out by trying: whether a call's arguments are an object or a text,
# whether no content is none or empty, and whether a system message may come late or goes as the user's.
FORMS = list(itertools.product([True, False], repeat=3))


def rendered(template, conversation, form):
    object_arguments, null_content, late_system = form
    messages = copy.deepcopy(conversation["messages"])
    for index, message in enumerate(messages):
        if message["role"] == "developer" and "developer" not in template:
            message["role"] = "system"
        if message["role"] in ("system", "developer") and index > 0 and not late_system:
            message["role"] = "user"
        if message["content"] is None and not null_content:
            message["content"] = ""
        if "reasoning_content" in message:
            message["thinking"] = message["reasoning_content"]
        for call in message.get("tool_calls", []):
            if object_arguments:
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    tools = conversation.get("tools")
    try:
        texts, _ = render_jinja_template(
            [messages],
            tools=given["tools"][tools] if tools else None,
            chat_template=template,
            add_generation_prompt=True,
            **given["special_tokens"],
            **conversation.get("kwargs", {}),
        )
        return {"text": texts[0]}
    except Exception as error:  # a template may raise anything
        return {"error": f"{type(error).__name__}: {error}"}


def every_form(template):
    conversations = given["conversations"].values()
    return [[rendered(template, conversation, form) for conversation in conversations] for form in FORMS]


templates = sorted(Path(sys.argv[2]).glob("*.jinja"))
print(json.dumps({path.stem: every_form(path.read_text()) for path in templates}))
