"""What the documentation says is so: quotes, links, tables, and the workflows that it points to."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.support import PRESETS, ROOT, commit_all, extension, git

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

QUOTE = re.compile(r"^<!-- from (\S+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
VERSION_QUESTIONS = {"Python": "python_version", "Postgres": "postgres_version", "Redis": "redis_version"}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Return each question by its name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((ROOT / "questions").glob("*.yml")):
        found |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def choices(question: dict[str, Any]) -> list[str]:
    """Return the values that can be chosen."""
    listed = question.get("choices", [])
    values = listed.values() if isinstance(listed, dict) else listed
    return [str(value["value"] if isinstance(value, dict) else value) for value in values]


def tables(page: Path) -> Iterator[list[list[str]]]:
    """Yield each table of a page as rows of cells, without its head."""
    for lines in re.findall(r"(?:^\|.*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in lines.splitlines()]
        yield rows[2:]


def rows(page: Path) -> dict[str, list[str]]:
    """Return the rows of a page's tables by what stands in code quotes in the first cell; a name must not come twice."""
    found: dict[str, list[str]] = {}
    for table in tables(page):
        for row in table:
            if key := CODE.search(row[0]):
                assert key[1] not in found, f"{name(page)} describes {key[1]} twice"
                found[key[1]] = row
    return found


@cache
def engine_images() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chora_engine_images", ROOT / "tests" / "engine" / "images.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def proven() -> dict[str, set[str]]:
    """Return the versions that the end-to-end tests can start, by question."""
    found: dict[str, set[str]] = {question: set() for question in VERSION_QUESTIONS.values()}
    for image in engine_images().IMAGES:
        repository, tag = image.tag.split(":")
        version = tag.split("-")[0]
        if repository == "valkey/valkey":
            found["redis_version"].add(f"valkey-{version}")
        elif f"{repository}_version" in found:
            found[f"{repository}_version"].add(version)
    return found


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_quote_stands_in_the_rendered_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    quotes = QUOTE.findall(text)
    assert len(quotes) == text.count("<!-- from ")
    for source, quote in quotes:
        assert quote in (ROOT / source).read_text(encoding="utf-8"), f"not in {source}:\n{quote}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    listed = {(DOCS / link).resolve() for link in LINK.findall(index.read_text(encoding="utf-8")) if ":" not in link}
    assert {page for page in DOCS.rglob("*.md") if page != index} == {page for page in listed if page.is_relative_to(DOCS)}


def test_the_readme_gives_each_of_the_12_patterns_its_preset_or_a_release() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = [row for table in tables(ROOT / "README.md") for row in table if row[0].isdigit()]
    assert [int(row[0]) for row in table] == list(range(1, 13))
    presets = {}
    for number, pattern, preset in table:
        if found := CODE.fullmatch(preset):
            presets[found[1]] = pattern
            assert found[1].startswith(f"{int(number):02}-")
        else:
            release = re.fullmatch(r"planned for (\d+\.\d+\.\d+)", preset)
            assert release, preset
            assert f"## [{release[1]}]" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert sorted(presets) == [path.stem for path in PRESETS]
    for preset in presets:
        assert f"(docs/patterns/{preset}.md)" in text


def test_every_pattern_page_belongs_to_a_preset() -> None:
    assert [page.stem for page in sorted((DOCS / "patterns").glob("*.md"))] == [path.stem for path in PRESETS]


def test_every_question_is_documented_and_no_other() -> None:
    assert sorted(rows(DOCS / "reference" / "questions.md")) == sorted(questions())


@pytest.mark.parametrize("question", list(questions()))
def test_a_question_is_documented_with_its_choices_and_default(question: str) -> None:
    row = rows(DOCS / "reference" / "questions.md")[question]
    asked = questions()[question].get("ask") is not False
    assert len(row) == (5 if asked else 4), "asked and saved questions have a table of their own"
    if offered := choices(questions()[question]):
        assert CODE.findall(row[2]) == offered
    default = questions()[question].get("default")
    if not isinstance(default, str) or "{" not in default:
        assert row[3] == f"`{default}`"


OWNERS = {
    "template": "the template's",
    "once": "yours, written once",
    "missing": "yours, written when missing",
    "copier": "the template's",
    "yours": "yours",
    "never rendered": "yours, never rendered",
    "never committed": "yours, never committed",
}


def test_the_page_of_files_is_the_table_of_files(request: pytest.FixtureRequest) -> None:
    page = DOCS / "reference" / "files.md"
    text = page.read_text(encoding="utf-8")
    lines = [f"| `{row.path}` | {row.comes} | {OWNERS[row.whose]} | {row.purpose} |" for row in extension("file_table").table()]
    head = "| file | stacks | whose | what for |\n| --- | --- | --- | --- |\n"
    before, _, after = text.partition(head)
    after = after[after.index("\n\n") :]
    expected = before + head + "\n".join(lines) + after
    if request.config.getoption("update_golden"):
        page.write_text(expected, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == expected


def test_the_table_of_ports_is_that_of_the_extension() -> None:
    ports = extension("ports")
    documented = rows(DOCS / "reference" / "environment.md")
    for service, base in ports.BASES.items():
        assert documented[service][1:3] == [str(base), f"`{ports.VARIABLES[service]}`"]


def test_the_readme_says_which_versions_are_offered_and_which_are_proven() -> None:
    documented = {row[0]: row[1:] for table in tables(ROOT / "README.md") for row in table if row[0] in VERSION_QUESTIONS}
    assert sorted(documented) == sorted(VERSION_QUESTIONS)
    for label, (offered, started) in documented.items():
        question = VERSION_QUESTIONS[label]
        assert offered.split(", ") == choices(questions()[question])
        assert set(started.split(", ")) == proven()[question]


def test_the_minimum_versions_are_the_hooks() -> None:
    hook = (ROOT / "hooks" / "machine.py").read_text(encoding="utf-8")
    engine = re.search(r"MINIMUM_ENGINE = \((\d+),\)", hook)
    compose = re.search(r"MINIMUM_COMPOSE = \((\d+), (\d+), (\d+)\)", hook)
    buildx = re.search(r"MINIMUM_BUILDX = \((\d+), (\d+)\)", hook)
    assert engine and compose and buildx
    versions = {engine.group(1), ".".join(compose.groups()), ".".join(buildx.groups())}
    rendered = [ROOT / "includes" / "guide" / "production.md.jinja", ROOT / "template" / "scripts" / "lib" / "common.py"]
    said = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "tests" / "engine" / "README.md", *DOCS.rglob("*.md"), *rendered]
    for page in said:
        text = " ".join(page.read_text(encoding="utf-8").split())
        found = re.findall(
            r"Docker Engine (\d+) or newer with Compose ([\d.]+\d) or newer and Buildx(?: ([\d.]+\d) or newer)?", text
        )
        assert not re.search(r"Docker with Compose \d", text), f"{name(page)} says which engine"
        assert {number for some in found for number in some if number} <= versions, name(page)
        needs = page in (said[0], said[1], DOCS / "tutorial" / "first-project.md", *rendered)
        assert found or not needs, f"{name(page)} says what is needed"
    script = (ROOT / "tests" / "engine" / "lib.sh").read_text(encoding="utf-8")
    assert set(re.findall(r"minimum_\w+=([\d.]+)", script)) == versions


def requirements(module: str) -> list[str]:
    """Return what a module of the facts requires, with its range."""
    text = (ROOT / "extensions" / "facts" / f"{module}.py").read_text(encoding="utf-8")
    return re.findall(r'"([a-z0-9-]+(?:\[[a-z]+\])?[<>=][^"]*)"', text)


def test_every_dependency_is_documented_with_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    frameworks = extension("context").facts.FRAMEWORKS.values()
    template = ROOT / "template"
    dockerfile = next(path for path in template.iterdir() if "Dockerfile" in path.name).read_text(encoding="utf-8")
    dockerfile += (ROOT / "extensions" / "facts" / "lists.py").read_text(encoding="utf-8")
    expected = [
        [*extras["render"]],
        [*extras["dev"]],
        [*requirements("app"), *{name for one in frameworks for name in (*one.packages, *one.reloader)}],
        [*requirements("delivery"), *{name for one in frameworks for name in one.tests}],
        [*set(re.findall(r"\"([a-z-]+>=\d[^\"]*)\"", dockerfile))],
    ]
    documented = [[row[0] + row[1].strip("`") for row in table] for table in tables(DOCS / "explanation" / "dependencies.md")]
    assert [sorted(table) for table in documented] == [sorted(table) for table in expected]


# The workflows


def step(workflow: str, job: str, named: str) -> str:
    """Return the script of one step."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text(encoding="utf-8"))["jobs"][job]["steps"]
    return str(next(step["run"] for step in steps if step.get("name") == named))


def test_the_workflows_start_every_version_that_the_engine_has_no_image_of() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["versions"]["strategy"]["matrix"]["include"]
    for label, question in VERSION_QUESTIONS.items():
        offered = set(choices(questions()[question]))
        assert offered - proven()[question] <= {row[label.lower()] for row in matrix} <= offered


@pytest.mark.parametrize(
    "command",
    [["zizmor", "--offline", "--no-config"], ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"]],
    ids=lambda command: command[0],
)
def test_a_linter_of_workflows_has_nothing_to_say(command: list[str]) -> None:
    assert WORKFLOWS
    program = Path(sys.executable).parent / command[0]
    result = subprocess.run([program, *command[1:], *WORKFLOWS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def find_release(repository: Path, temp: Path) -> dict[str, str]:
    """Run the release workflow's step in a repository and return its outputs."""
    temp.mkdir(exist_ok=True)
    output = temp / "output"
    output.write_text("")
    environment = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(temp), "GITHUB_OUTPUT": str(output)}
    bash = shutil.which("bash")
    assert bash
    script = step("release.yml", "release", "Find a release without a tag")
    subprocess.run([bash, "-e", "-c", script], cwd=repository, env=environment, check=True, capture_output=True)
    return dict(line.split("=", 1) for line in output.read_text().splitlines())


def test_the_commit_that_adds_a_heading_to_the_changelog_becomes_the_release(tmp_path: Path) -> None:
    repository, temp = tmp_path / "repository", tmp_path / "temp"
    repository.mkdir()
    git(repository, "init", "--quiet", "-b", "main")
    changelog = repository / "CHANGELOG.md"

    def commit(text: str) -> str:
        changelog.write_text(f"# Changelog\n\n## [Unreleased]\n\n{text}[Unreleased]: https://example.com/compare\n")
        commit_all(repository, "Change")
        return git(repository, "rev-parse", "HEAD").strip()

    commit("### Added\n\n- Something.\n\n")
    assert find_release(repository, temp) == {}

    first = "## [0.1.0] - 2026-01-02\n\n- The first.\n\n"
    commit(first)
    commit("- Taken back.\n\n")
    released = commit(first)
    commit(first.replace("first", "very first"))
    assert find_release(repository, temp) == {"tag": "v0.1.0", "commit": released}
    assert (temp / "notes.md").read_text().strip() == "- The very first."

    git(repository, "tag", "v0.1.0", released)
    assert find_release(repository, temp) == {}

    released = commit(f"## [0.10.0] - 2026-03-04\n\n### Fixed\n\n- [A link](https://example.com).\n\n{first}")
    assert find_release(repository, temp) == {"tag": "v0.10.0", "commit": released}
    assert (temp / "notes.md").read_text().strip() == "### Fixed\n\n- [A link](https://example.com)."


def test_the_changelogs_newest_release_has_notes() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert sections[0].strip() == "[Unreleased]" or sections[0].startswith("[Unreleased]\n")
    for section in sections[1:]:
        heading = section.splitlines()[0]
        found = re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}", heading)
        assert found, heading
        assert f"[{found[1]}]: https://" in text
        assert section.splitlines()[1:]
