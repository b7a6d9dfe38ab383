"""Under which names production is reached, as `.env.production` says."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import render, scripts_of


@pytest.fixture
def domains(template: Path, tmp_path: Path) -> Iterator[ModuleType]:
    project = render(template, tmp_path / "shop", {"stack": "minimal", "production": True})
    with scripts_of(project / "scripts"):
        yield import_module("lib.domains")


def names(domains: ModuleType, text: str) -> tuple[list[str], str]:
    (domains.ROOT / ".env.production").write_text(text)
    found = domains.Domains()
    return found.names, found.canonical


@pytest.mark.parametrize(
    ("text", "known", "canonical"),
    [
        ("", [], ""),
        ("DOMAINS=\n", [], ""),
        ("DOMAINS=shop.example.com\n", ["shop.example.com"], ""),
        ("DOMAINS='Shop.Example.com  www.example.com shop.example.com'\n", ["shop.example.com", "www.example.com"], ""),
        ('DOMAINS="a.b xn--bcher-kva.example"\nCANONICAL_HOST=a.b\n', ["a.b", "xn--bcher-kva.example"], "a.b"),
        # Without DOMAINS it may be a variable of the app's own, as N8N_HOST is without n8n.
        ("CANONICAL_HOST=a.b\n", [], ""),
        ("DOMAINS=a.b\nN8N_HOST=https://n8n\n", ["a.b"], ""),
    ],
)
def test_names_are_read(domains: ModuleType, text: str, known: list[str], canonical: str) -> None:
    assert names(domains, text) == (known, canonical)


@pytest.mark.parametrize(
    "name",
    [
        "shop",
        "https://a.b",
        "a.b:443",
        "a_b.c",
        "-a.b",
        "a..b",
        "*.a.b",
        "a.b;",
        "é.de",
        "a" * 64 + ".b",
        "127.0.0.1/",
        "203.0.113.7",
    ],
)
@pytest.mark.parametrize("variable", ["DOMAINS", "CANONICAL_HOST"])
def test_what_is_no_name_of_a_host_is_said(domains: ModuleType, name: str, variable: str) -> None:
    with pytest.raises(domains.Problem, match=f"^write {variable} in .env.production as names of hosts"):
        names(domains, f"DOMAINS=a.b\n{variable}='{name}'\n")


def test_all_can_not_be_sent_to_an_unknown_name(domains: ModuleType) -> None:
    with pytest.raises(domains.Problem, match=r"^write one of DOMAINS as CANONICAL_HOST in \.env\.production: c\.d is none$"):
        names(domains, "DOMAINS=a.b\nCANONICAL_HOST=c.d\n")


def test_an_authority_needs_names(domains: ModuleType) -> None:
    with pytest.raises(domains.Problem, match=r"^write DOMAINS in \.env\.production: ACME_EMAIL alone fetches nothing$"):
        names(domains, "ACME_EMAIL=ann@example.org\n")


def test_the_name_of_n8n_is_one_of_them(template: Path, tmp_path: Path) -> None:
    answers = {"stack": "mcp-multi", "gateway": "n8n", "production": True}
    with scripts_of(render(template, tmp_path / "shop", answers) / "scripts"):
        domains = import_module("lib.domains")
        assert names(domains, "DOMAINS=a.b c.b\nN8N_HOST=n8n.a.b\nCANONICAL_HOST=a.b\n") == (["a.b", "c.b", "n8n.a.b"], "a.b")
        assert domains.Domains().fixed == ["a.b", "n8n.a.b"]
