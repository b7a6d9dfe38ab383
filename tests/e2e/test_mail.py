"""The mail catcher: what the app sends in development is on its page, and nothing of it gets anywhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.conftest import MakeStack
from tests.e2e.stack import fetch
from tests.support import preset

SEND = """\
import os, smtplib, sys
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"]), timeout=10) as server:
    server.sendmail("shop@example.com", ["ann@example.com"], "To: ann@example.com\\nSubject: " + sys.argv[1] + "\\n\\nWelcome.")
"""


def caught(port: str) -> list[tuple[str, str, str]]:
    """Return subject, text and recipient of each mail that the page shows."""
    status, text = fetch(f"http://127.0.0.1:{port}/email")
    assert status == 200
    mails: list[dict[str, Any]] = json.loads(text)
    return [(mail["subject"], mail["text"].strip(), mail["to"][0]["address"]) for mail in mails]


@pytest.mark.parametrize(("name", "service"), [("01-minimal", "app"), ("02-full", "app"), ("04-mcp", "mcp-server")])
def test_a_mail_of_the_app_is_on_the_page(name: str, service: str, make_stack: MakeStack) -> None:
    stack = make_stack({**preset(name), "extras": ["mail"]})
    stack.up()
    stack.compose("exec", "-T", service, "python", "-c", SEND, "From the app")
    assert caught(stack.ports["MAIL_PORT"]) == [("From the app", "Welcome.", "ann@example.com")]
    # A container of its own finds the mail catcher too, and starts it where it does not run.
    stack.compose("stop", "mailcatcher")
    stack.compose("run", "--rm", "-T", service, "python", "-c", SEND, "From a command")
    assert ("From a command", "Welcome.", "ann@example.com") in caught(stack.ports["MAIL_PORT"])


def test_servers_of_several_send_mail_too(make_stack: MakeStack) -> None:
    stack = make_stack({"stack": "mcp-multi", "mcp_servers": ["billing"], "gateway": "none", "extras": ["mail"]})
    stack.up()
    stack.compose("exec", "-T", "billing", "python", "-c", SEND, "An invoice")
    assert caught(stack.ports["MAIL_PORT"]) == [("An invoice", "Welcome.", "ann@example.com")]


def test_python_on_the_host_sends_mail_as_its_block_says(make_stack: MakeStack) -> None:
    stack = make_stack({**preset("03-hybrid"), "extras": ["mail"]})
    stack.up()
    stack.run("scripts/setup")
    block = (stack.folder / ".env.local").read_text()
    assert f"SMTP_HOST=localhost\nSMTP_PORT={stack.ports['SMTP_PORT']}\n" in block
    script = f"set -a; . ./.env.local; set +a; exec {sys.executable} -c \"$0\" 'From the host'"
    subprocess.run(["sh", "-ec", script, SEND], cwd=stack.folder, check=True)
    assert caught(stack.ports["MAIL_PORT"]) == [("From the host", "Welcome.", "ann@example.com")]


def test_tests_have_no_mail_catcher_and_the_smtp_settings_of_their_own_file(make_stack: MakeStack) -> None:
    stack = make_stack({**preset("02-full"), "extras": ["mail"], "ci": ["github"]})
    with (stack.folder / ".env.test").open("a") as settings:
        settings.write("\nSMTP_HOST=smtp.example.com\n")
    files = ["-f", "docker-compose.yml", "-f", "docker-compose.test.yml"]
    services = json.loads(stack.compose(*files, "--profile", "tests", "config", "--format", "json").stdout)["services"]
    assert "mailcatcher" not in services
    for name in ("app", "tests"):
        assert services[name]["environment"]["SMTP_HOST"] == "smtp.example.com"
        assert "SMTP_PORT" not in services[name]["environment"]
