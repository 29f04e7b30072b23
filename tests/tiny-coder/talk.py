"""Conversations without a change: greetings, what the model is, questions about a file."""

import words
from changes import draw_module
from configs import config_value
from repairs import ask

WHO = "I am a tiny test model that comes with Shorn. I know a few kinds of toy coding tasks and nothing else."
CAN = (
    "I can repair small Python projects with failing tests through a coding agent, and change names, constants, JSON and"
    " TOML files. I am a test instrument: for real work, load a real model."
)
UNKNOWN = (
    "I am a tiny test model and do not know that. I only know a few kinds of toy coding tasks. For real answers, load a"
    " larger model in Shorn."
)
HELLO = "Hello! I am a tiny test model. Give me a small coding task through a coding agent, or load a real model."
THANKS = "You are welcome!"
WORKS = "Yes, it works: this answer comes from the tiny test model that is built into Shorn."
BYE = "Goodbye!"

# (what is said, the answer)
CHATS = [
    (
        [
            "hi",
            "Hi",
            "hello",
            "Hello",
            "Hello!",
            "Hi!",
            "hey",
            "Hey there",
            "Good morning",
            "good evening",
            "Hallo",
            "Hi there!",
            "hello there",
            "Hello, how are you?",
            "Moin",
            "Say hello.",
            "Say hi",
            "hi, how are you",
            "Greetings",
        ],
        HELLO,
    ),
    (
        [
            "Who are you?",
            "who are you",
            "What are you?",
            "What is your name?",
            "Which model are you?",
            "what model is this?",
            "Are you GPT?",
            "Are you Qwen?",
            "Tell me about yourself.",
            "Introduce yourself",
            "Are you an AI?",
            "What model am I talking to?",
            "What is this?",
        ],
        WHO,
    ),
    (
        [
            "What can you do?",
            "what can you do",
            "Help",
            "help",
            "Can you code?",
            "How can you help me?",
            "What are you good at?",
            "What are your limits?",
            "Can you write code?",
            "What do you know?",
            "/help",
            "What tasks can you do?",
        ],
        CAN,
    ),
    (["Thanks", "thanks!", "Thank you", "Thank you!", "thx", "Great, thanks.", "Perfect, thank you"], THANKS),
    (
        [
            "Does it work?",
            "test",
            "Test",
            "Is this working?",
            "testing",
            "Are you there?",
            "ping",
            "Does this work?",
            "This is a test.",
            "Just a test",
            "Can you hear me?",
        ],
        WORKS,
    ),
    (["bye", "Goodbye", "Bye!", "See you"], BYE),
]
TOPICS = """
the weather|the capital of France|quantum physics|the meaning of life|the stock market|a haiku about yaks|the history of Rome|a poem about {w}|the moon|my {w}|{w}
and {v}|how to cook {w}|prime numbers|Rust lifetimes|JavaScript promises|a {w} in {v}|the speed of light|football|music|SQL joins|the year 1999|love|the ocean
""".replace("\n", " ").split("|")
QUESTIONS = [
    "What is {t}?",
    "Tell me about {t}.",
    "Explain {t}.",
    "Write {t}.",
    "Why is {t} important?",
    "How does {t} work?",
    "Do you know {t}?",
    "What do you think of {t}?",
    "Write a story about {t}",
    "Summarize {t} in one sentence.",
    "Can you explain {t} to me?",
    "Who invented {t}?",
    "explain {t}",
    "what is {t}",
    "When was {t} discovered?",
    "Write a haiku about {t}.",
    "Give me a list of facts about {t}",
    "How many {w}s are in {t}?",
    "What is {n} plus {m}?",
    "Translate {t} into German.",
    "Write a function that computes {t}.",
    "Write a program for {t} in Rust.",
    "Count to {n}.",
    "Write {n} sentences about {t}.",
    "Is {t} better than {v}?",
    "Where is {t}?",
    "Tell me a joke about {w}.",
    "Tell me a long story.",
    "Tell me a joke.",
    "Write a long essay about {t}.",
    "Describe {t} in detail.",
    "Please {w} the {v}.",
    "{w} {v}",
    "Name three {w}s.",
    "What time is it?",
    "How old are you?",
    "{t}?",
]
SYSTEMS = [
    "You are a helpful assistant.",
    "You are a coding assistant.",
    "Be brief.",
    "You are {w}. Answer in short sentences.",
    "Answer politely.",
    "You are an expert in {w} and {v}. Help the user.",
    "The user is called {w}. You are a helpful, honest assistant.",
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
]


def exchange(rng):
    """(what is said, the answer)"""
    if rng.random() < 0.6:
        said, answer = rng.choice(CHATS)
        text = rng.choice(said)
        if rng.random() < 0.15:
            text = rng.choice([text.lower(), text.upper(), text.strip("?!."), text + " :)"])
        return text, answer
    fill = {"w": words.noun(rng), "v": words.noun(rng), "n": rng.randint(1, 99), "m": rng.randint(1, 99)}
    topic = rng.choice(TOPICS).strip().format(**fill)
    return rng.choice(QUESTIONS).format(t=topic, **fill), UNKNOWN


def chat(session, names):
    for _ in range(session.rng.choice([1, 1, 2, 3])):
        said, answer = exchange(session.rng)
        session.user(said)
        session.say(answer)


def question(session, names):
    """Reads one file and says what stands there; changes nothing."""
    rng = session.rng
    kind = rng.choice(["constant", "docstring", "arguments", "import", "data", "files"])
    closing = rng.choice(["", " Change nothing.", " Do not change anything.", " Just answer."])
    if kind == "data":
        pairs = {names.key(): config_value(rng) for _ in range(rng.randint(2, 6))}
        path = f"{names.key()}.{rng.choice(['txt', 'cfg', 'env'])}"
        session.files[path] = "".join(f"{key} = {value}\n" for key, value in pairs.items())
        key = rng.choice(list(pairs))
        session.user(
            ask(
                rng, [f"What is {key} set to in {path}?{closing}", f"Which value does {key} have in {path}?{closing}"]
            ).strip()
        )
        session.see(path)
        session.say(f"{key} is {pairs[key]} in {path}.")
        return
    module, drawn, style, _ = draw_module(session, names)
    name, value = names.constant(), config_value(rng)
    module.constants = [*module.constants, f"{name} = {value!r}"]
    other = names.module()
    if kind == "import":
        module.imports = [f"from {other} import {names.function()}" for _ in range(1)]
    session.files[module.path] = module.source()
    path, function = module.path, rng.choice(drawn)
    if kind == "files":
        session.user(
            ask(
                rng,
                [
                    f"Which files are here?{closing}",
                    f"List the files in this folder.{closing}",
                    f"What is in this directory?{closing}",
                ],
            )
        )
        call, arguments, answer = session.tools.list(session.files)
        session.call(call, arguments, answer)
        session.say(
            "There are " + ", ".join(answer.split()) + "." if len(answer.split()) > 1 else f"There is {answer.strip()}."
        )
        return
    asked, answer = {
        "constant": (f"What is the value of {name} in {path}?", f"{name} is {value!r} in {path}."),
        "docstring": (f"What does {function.name} in {path} do?", f"`{function.name}`: {function.sentence}"),
        "arguments": (
            f"Which arguments does {function.name} in {path} take?",
            f"`{function.name}` takes {' and '.join(function.arguments)}.",
        ),
        "import": (f"Which module does {path} import?", f"{path} imports {other}."),
    }[kind]
    session.user(ask(rng, [asked + closing, f"Look into {path}. {asked}{closing}"]))
    session.see(path)
    session.say(answer)


FAMILIES = {"chat": chat, "question": question}
