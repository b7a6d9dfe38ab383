"""The JSON files of MCP clients by example: our entries stand as a person would write them."""

from __future__ import annotations

import pytest

from tests.unit.mcp_clients import merge


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "",
            """\
{
  "mcpServers": {
    "tasks": {
      "command": "docker",
      "args": ["compose", "run", "tasks"]
    }
  }
}
""",
            id="a new file",
        ),
        pytest.param(
            """\
{
\t// Mine.
\t"mcpServers": {
\t\t"a": {}, // about a
\t},
}""",
            """\
{
\t// Mine.
\t"mcpServers": {
\t\t"a": {}, // about a
\t\t"tasks": {
\t\t\t"command": "docker",
\t\t\t"args": ["compose", "run", "tasks"]
\t\t},
\t},
}""",
            id="tabs, comments, trailing commas",
        ),
        pytest.param(
            """\
{
    "inputs": [] // none
}
""",
            """\
{
    "inputs": [], // none
    "mcpServers": {
        "tasks": {
            "command": "docker",
            "args": ["compose", "run", "tasks"]
        }
    }
}
""",
            id="no section, four blanks",
        ),
        pytest.param(
            '{"mcpServers":{}}',
            """\
{"mcpServers":{
  "tasks": {
    "command": "docker",
    "args": ["compose", "run", "tasks"]
  }
}}""",
            id="an empty section on one line",
        ),
        pytest.param(
            """\
{"mcpServers": {
  },
"a": {}}
""",
            """\
{"mcpServers": {
  "tasks": {
    "command": "docker",
    "args": ["compose", "run", "tasks"]
  }
  },
"a": {}}
""",
            id="an empty section on two lines",
        ),
        pytest.param(
            """\
{
  "mcpServers": {
  "a": {}
  }
}
""",
            """\
{
  "mcpServers": {
  "a": {},
  "tasks": {
    "command": "docker",
    "args": ["compose", "run", "tasks"]
  }
  }
}
""",
            id="as little indented as the other",
        ),
        pytest.param(
            """\
{
  "a": {},
  "mcpServers": {
    "tasks": null, // mine
    "gone": {"command": "docker", "args": ["compose", "run", "gone"]} // it was good
  }
}
""",
            """\
{
  "a": {},
  "mcpServers": {
    "tasks": null // mine
     // it was good
  }
}
""",
            id="the last one gone, with a comment behind",
        ),
        pytest.param(
            """\
{"mcpServers": {"tasks": null, // mine
  "gone": {"command": "docker", "args": ["compose", "run", "gone"]}}}
""",
            """\
{"mcpServers": {"tasks": null // mine
  }}
""",
            id="the last one gone, between a comment and a brace",
        ),
        pytest.param(
            """\
{"mcpServers": {"tasks": null, // mine
  "gone": {"command": "docker", "args": ["compose", "run", "gone"]} ,
}}
""",
            """\
{"mcpServers": {"tasks": null, // mine
}}
""",
            id="the last one gone, with a comma after a blank",
        ),
        pytest.param(
            '{"mcpServers": {"gone": {"command": "docker", "args": ["compose", "run", "gone"]}}}',
            '{"mcpServers": {"tasks": {"command": "docker", "args": ["compose", "run", "tasks"]}}}',
            id="one line, one in the place of another",
        ),
        pytest.param(
            '{"mcpServers": {"a": {}}}',
            '{"mcpServers": {"a": {}, "tasks": {"command": "docker", "args": ["compose", "run", "tasks"]}}}',
            id="one line",
        ),
        pytest.param(
            """\
{
  "mcpServers": {
    "tasks": {"command": "docker-compose", "args": ["run", "tasks"], "env": {"A": "1"}}, // ours
    "gone": {
      "args": ["compose", "run", "gone"],
      "command": "docker"
    }, // it was good
    "b": null
  }
}
""",
            """\
{
  "mcpServers": {
    "tasks": {"command": "docker", "args": ["compose", "run", "tasks"]}, // ours
    // it was good
    "b": null
  }
}
""",
            id="one renewed, one gone",
        ),
    ],
)
def test_ours_is_written_as_a_person_would(before: str, after: str) -> None:
    assert merge(before, "tasks") == after
    assert merge(before.replace("\n", "\r\n"), "tasks") == after.replace("\n", "\r\n" if "\n" in before else "\n")
