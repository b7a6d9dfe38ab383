"""What an existing Dockerfile says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.shapes import write


@pytest.mark.parametrize(
    ("dockerfile", "workdir"),
    [
        ("FROM python\nWORKDIR /srv\n", "/srv"),
        ("FROM python AS a\nWORKDIR /a\nFROM a\nworkdir /b\nWORKDIR c\n", "/b/c"),
        ('FROM python\nWORKDIR "/with blanks"\n', "/with blanks"),
        ("FROM python\nWORKDIR '/srv'\n", "/srv"),
        ("FROM python\n", "/workspace"),
        ("FROM python\nWORKDIR $APP\n", "/workspace"),
        ('FROM python\nWORKDIR "/a:b"\n', "/workspace"),
        ('FROM python\nWORKDIR "/a #b"\n', "/workspace"),
        ("FROM python\nWORKDIR /\n", "/workspace"),
    ],
)
def test_the_working_folder_of_an_existing_dockerfile_is_found(dockerfile: str, workdir: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).workdir() == workdir


@pytest.mark.parametrize(
    ("dockerfile", "target"),
    [
        ("FROM python\n", ""),
        ("FROM python AS base\nFROM base AS run\n", ""),
        ("FROM python AS dev\nFROM dev as Test\nFROM dev AS run\n", "Test"),
        ("FROM python AS dev\nFROM python AS ci\n", "ci"),
        ("FROM python \\\n  AS development\n", "development"),
        ("# FROM python AS test\nFROM python AS tester\n", ""),
    ],
)
def test_the_stage_for_tests_of_an_existing_dockerfile_is_found(dockerfile: str, target: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).test_target == target


@pytest.mark.parametrize(
    ("dockerfile", "entrypoint"),
    [
        ("FROM python\n", []),
        ('FROM python\nENTRYPOINT ["python", "-m", "shop"]\n', ["python", "-m", "shop"]),
        ('FROM python\nENTRYPOINT ["a"]\nentrypoint \\\n  ["b"]\n', ["b"]),
        ('FROM python AS a\nENTRYPOINT ["a"]\nFROM a\n', []),
        ("FROM python\nENTRYPOINT exec python -m shop\n", ["/bin/sh", "-c", "exec python -m shop"]),
        # Valid JSON, and to Docker no list of texts.
        ('FROM python\nENTRYPOINT "./my start"\n', ["/bin/sh", "-c", '"./my start"']),
        ("FROM python\nENTRYPOINT 5\n", ["/bin/sh", "-c", "5"]),
        ('FROM python\nENTRYPOINT ["a", 5]\n', ["/bin/sh", "-c", '["a", 5]']),
        ("FROM python\nENTRYPOINT " + "[" * 100_000, ["/bin/sh", "-c", "[" * 100_000]),
    ],
    ids=range(9),
)
def test_the_entrypoint_of_an_existing_dockerfile_is_found(dockerfile: str, entrypoint: list[str], tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).entrypoint() == entrypoint


@pytest.mark.parametrize(
    ("dockerfile", "user"),
    [
        ("FROM python\n", ""),
        ("FROM python\nUSER shop\n", "shop"),
        ("FROM python\nUSER shop\nUSER '1000:1000'\n", "1000:1000"),
        ("FROM python\nUSER shop\nUSER root\n", ""),
        ("FROM python\nUSER 0:0\n", ""),
        ("FROM python AS a\nUSER shop\nFROM a\n", ""),
    ],
)
def test_the_user_of_an_existing_dockerfile_is_found(dockerfile: str, user: str, tmp_path: Path) -> None:
    assert write(tmp_path, {"Dockerfile": dockerfile}).image_user() == user
