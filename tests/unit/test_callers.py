"""Who may call an MCP server in production: the file of tokens, what nginx reads of it, and scripts/token without an engine."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import render, scripts_of

AUDIENCE = "https://mcp.example.com/mcp"
TOKEN = "0123456789abcdef" * 4
FILE = "secrets/mcp_tokens"


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(template, tmp_path_factory.mktemp("callers") / "shop", {"stack": "mcp", "production": True})


@pytest.fixture
def project(rendered: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(rendered, tmp_path / "shop"))


@pytest.fixture
def callers(project: Path) -> Iterator[ModuleType]:
    (project / "secrets").mkdir(mode=0o700)
    with scripts_of(project / "scripts"):
        yield import_module("lib.callers")


def token(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "scripts/token"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=project)


def test_a_token_is_made_for_a_name_and_both_files_are_for_whom_they_have_to_be(callers: ModuleType, project: Path) -> None:
    made = callers.add("laptop")
    callers.write_rules()
    assert re.fullmatch(r"[0-9a-f]{64}", made)
    assert (project / FILE).read_text() == f"# Who may call: a line NAME:TOKEN each, see scripts/token.\nlaptop:{made}\n"
    assert (project / FILE).stat().st_mode & 0o777 == 0o600
    rules = project / "secrets/nginx/mcp_tokens.conf"
    assert rules.read_text() == f'"~^(?i:Bearer) +\\Q{made}\\E$" laptop;\n'
    # nginx's own user reads it, and the folder above lets nobody in.
    assert rules.stat().st_mode & 0o777 == 0o444 and rules.parent.stat().st_mode & 0o777 == 0o755


def test_the_first_setup_makes_one_called_default_and_later_ones_keep_what_is_there(callers: ModuleType, project: Path) -> None:
    setup = import_module("lib.setup_callers")
    setup.make()
    before = callers.known()
    assert [*before] == ["default"]
    setup.make()
    assert callers.known() == before
    callers.revoke("default")
    # Nobody is let in again by it.
    setup.make()
    assert callers.known() == {} and (project / "secrets/nginx/mcp_tokens.conf").read_text() == ""


def test_a_token_that_is_taken_out_leaves_the_other_lines_as_they_are(callers: ModuleType, project: Path) -> None:
    other = "AZaz09._~+/-" * 3 + "=="
    text = f"# ours\r\n\r\nlaptop:{TOKEN}\r\n  ci:{other}\r\n# the end"
    (project / FILE).write_bytes(text.encode())
    assert callers.known() == {"laptop": TOKEN, "ci": other}
    assert callers.revoke("laptop") == TOKEN
    assert (project / FILE).read_bytes().decode() == text.replace(f"laptop:{TOKEN}\r\n", "")
    made = callers.add("phone")
    assert callers.known() == {"ci": other, "phone": made}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (TOKEN, "write line 2 of secrets/mcp_tokens as NAME:TOKEN"),
        (f"a b:{TOKEN}", "write line 2 of secrets/mcp_tokens as NAME:TOKEN"),
        (f":{TOKEN}", "write line 2 of secrets/mcp_tokens as NAME:TOKEN"),
        (f'a";deny:{TOKEN}', "write line 2 of secrets/mcp_tokens as NAME:TOKEN"),
        (f"{'n' * 64}:{TOKEN}", "write line 2 of secrets/mcp_tokens as NAME:TOKEN"),
        (f"a:{TOKEN[:31]}", "give line 2 of secrets/mcp_tokens another token"),
        (f"a:{TOKEN * 9}", "give line 2 of secrets/mcp_tokens another token"),
        (f'a:{TOKEN}" b', "give line 2 of secrets/mcp_tokens another token"),
        (f"a:{TOKEN}$x", "give line 2 of secrets/mcp_tokens another token"),
        (f"a:{TOKEN}\\E", "give line 2 of secrets/mcp_tokens another token"),
        (f"one:{TOKEN[::-1]}", "remove line 2 of secrets/mcp_tokens"),
        (f"two:{TOKEN}", "remove line 2 of secrets/mcp_tokens"),
    ],
)
def test_a_wrong_line_is_one_sentence_that_shows_no_token(callers: ModuleType, project: Path, line: str, sentence: str) -> None:
    (project / FILE).write_text(f"one:{TOKEN}\n{line}\n")
    with pytest.raises(callers.Problem) as problem:
        callers.known()
    said = str(problem.value)
    assert said.startswith(sentence) and "\n" not in said
    assert not {TOKEN[:31], TOKEN[::-1][:31]} & {said[at : at + 31] for at in range(len(said))}


def test_without_a_token_or_an_issuer_of_them_nothing_is_deployed(callers: ModuleType, project: Path) -> None:
    for text in (None, "", "# none\n"):
        if text is not None:
            (project / FILE).write_text(text)
        with pytest.raises(callers.Problem, match=r"^add a token first: `scripts/token add NAME`, or set MCP_OAUTH_ISSUER"):
            callers.take_over({"MCP_OAUTH_ISSUER": "", "MCP_OAUTH_AUDIENCE": AUDIENCE})


@pytest.mark.parametrize(
    ("issuer", "audience", "sentence"),
    [
        ("id.example.com", AUDIENCE, "write MCP_OAUTH_ISSUER in .env.production as https://NAME"),
        ("http://id.example.com", AUDIENCE, "write MCP_OAUTH_ISSUER in .env.production as https://NAME"),
        ("https://id.example.com?a=b", AUDIENCE, "write MCP_OAUTH_ISSUER in .env.production as https://NAME"),
        ("https://id.example.com/#a", AUDIENCE, "write MCP_OAUTH_ISSUER in .env.production as https://NAME"),
        ('https://id.example.com/"; $host', AUDIENCE, "write MCP_OAUTH_ISSUER in .env.production as https://NAME"),
        ("https://id.example.com\n", AUDIENCE, "write MCP_OAUTH_ISSUER in .env.production as https://NAME"),
        ("https://id.example.com", "", "set MCP_OAUTH_AUDIENCE in .env.production"),
        ("https://id.example.com", " ", "set MCP_OAUTH_AUDIENCE in .env.production"),
        ("https://id.example.com", None, "set MCP_OAUTH_AUDIENCE in .env.production"),
    ],
)
def test_an_issuer_that_is_no_address_or_says_not_for_whom_is_refused(
    callers: ModuleType, issuer: str, audience: str | None, sentence: str
) -> None:
    told = {"MCP_OAUTH_ISSUER": issuer} | ({} if audience is None else {"MCP_OAUTH_AUDIENCE": audience})
    with pytest.raises(callers.Problem) as problem:
        callers.take_over(told)
    assert str(problem.value).startswith(sentence) and "\n" not in str(problem.value)


@pytest.mark.parametrize(
    "issuer", ["https://id.example.com", "https://id.example.com:8443/realms/a-b_c~1.2/", "https://[fd00::1]"]
)
def test_an_issuer_does_without_a_token(callers: ModuleType, issuer: str) -> None:
    told = {"MCP_OAUTH_ISSUER": issuer, "MCP_OAUTH_AUDIENCE": AUDIENCE}
    callers.take_over(told)
    head, claims, signature = callers.made_up(told).split(".")
    assert re.fullmatch(r"[\w-]+", head + claims + signature)
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert said["iss"] == issuer and said["aud"] == [AUDIENCE] and said["exp"] > time.time()


@pytest.mark.parametrize("name", ["", "a b", "-a", "a:b", "a\n", "ü", "n" * 64, "a;"])
def test_a_name_that_nginx_or_the_file_would_misread_is_refused(callers: ModuleType, name: str) -> None:
    with pytest.raises(callers.Problem, match="give a name of 1 to 63"):
        callers.add(name)


def test_a_name_has_one_token(callers: ModuleType) -> None:
    callers.add("ci")
    with pytest.raises(callers.Problem, match=r"^revoke ci first"):
        callers.add("ci")
    with pytest.raises(callers.Problem, match=r"choose a name that `scripts/token list` shows"):
        callers.revoke("phone")


def test_the_list_shows_names_alone(project: Path) -> None:
    (project / "secrets").mkdir()
    (project / FILE).write_text(f"laptop:{TOKEN}\nci:{TOKEN[::-1]}\n")
    done = token(project, "list")
    assert (done.returncode, done.stdout, done.stderr) == (0, "laptop\nci\n", "")


@pytest.mark.parametrize("arguments", [[], ["add"], ["revoke"], ["list", "ci"], ["rotate", "ci"], ["add", "a", "b"]])
def test_arguments_that_make_no_sense_are_refused(project: Path, arguments: list[str]) -> None:
    done = token(project, *arguments)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert not (project / FILE).exists()
