#!/usr/bin/env python3
"""Records the system prompt and the tools that the pinned Pi sends, by running it against a stub on loopback.

    record_pi.py OUT.json

They are its makers' text: the record is for the generator and is not committed. Pi and Node are those that the tests have
fetched (`cargo test -p shorn-tests --test pi`).
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

PINS = json.loads((Path(__file__).parents[1] / "agents.json").read_text())


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "shorn/agents"


def unpacked(pin):
    name = pin["name"].lstrip("@").replace("/", "-")
    return cache() / f"{name}-{pin['version']}" / "package"


def node():
    own = [unpacked(pin) / "bin/node" for pin in PINS["node"]["packages"].values()]
    return next((str(path) for path in own if path.exists()), "node")


def pi_command():
    return [node(), str(unpacked(PINS["pi"]) / "dist/bundle/cli.js")]


def run(replies, files):
    """Lets Pi work in a project of these files while a stub answers with these replies, deltas of a chat completion.

    Gives the bodies of its requests and the project's folder."""
    bodies, waiting = [], list(replies)

    class Stub(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            delta = waiting.pop(0) if waiting else {"content": "done"}
            end = "tool_calls" if "tool_calls" in delta else "stop"
            chunk = {"choices": [{"index": 0, "delta": {"role": "assistant"} | delta, "finish_reason": end}]}
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as project:
        for path, text in files.items():
            (Path(project) / path).write_text(text)
        settings = Path(home) / ".pi/agent"
        settings.mkdir(parents=True)
        url = f"http://127.0.0.1:{server.server_port}/v1"
        provider = {"baseUrl": url, "api": "openai-completions", "apiKey": "none", "models": [{"id": "stub"}]}
        (settings / "models.json").write_text(json.dumps({"providers": {"stub": provider}}))
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PI_OFFLINE": "1",
            "PI_TELEMETRY": "0",
            "PI_SKIP_VERSION_CHECK": "1",
        }
        command = [*pi_command(), "--provider", "stub", "--model", "stub", "-p", "Hello"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        subprocess.run(command, cwd=project, env=variables, check=True, timeout=120, **quiet)
        return bodies, os.path.realpath(project)


def record():
    """The first request's system prompt and tools, the package's folder and the working directory."""
    bodies, project = run([], {})
    system = bodies[0]["messages"][0]["content"]
    return {"system": system, "tools": bodies[0]["tools"], "package": str(unpacked(PINS["pi"])), "cwd": project}


def main():
    recorded = record()
    for place in ("package", "cwd"):
        assert recorded[place] in recorded["system"], f"Pi's prompt does not name its {place}"
    Path(sys.argv[1]).write_text(json.dumps(recorded, indent=1))


if __name__ == "__main__":
    main()
