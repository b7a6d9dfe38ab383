"""What a project holds before the template comes to it, read without importing or running anything of it.

One module for each thing that is read: folder, source and metadata are the ground; layout and requirements stand on them; web,
kinds, mcp, tests, needs and image on those; project, and serving for MCP, put it together, and alone ask several of them.
servers is about projects below this one, answers about the template's own files. None imports in a circle, which
tests/unit/test_plan.py sees to.
"""

from __future__ import annotations

from .answers import answers_file_name, earlier_servers, use_own_answers_only
from .project import Destination
from .versions import python_version

__all__ = ["Destination", "answers_file_name", "earlier_servers", "python_version", "use_own_answers_only"]
