"""Production and hot reload that come and go by `copier update`: what is the user's stays, all else is as if generated today."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.support import ROOT, commit_all, existing_project, files, git, preset
from tests.update.projects import adopt, answers_of, assert_fresh, fresh, generated, managed, update
from tests.update.versions import history, preset_of, substitute

pytestmark = pytest.mark.thorough

PRODUCTION = {
    "docker-compose.prod.yml",
    "docker-stack.yml",
    "nginx/nginx.conf.template",
    ".env.production.example",
    "scripts/deploy",
}


@pytest.fixture(scope="session")
def before() -> str:
    """The newest release that knew neither."""
    return [release.tag for release in history(ROOT).releases if [*map(int, release.version.split("."))] < [0, 5]][-1]


def test_production_comes_with_an_answer_and_touches_nothing_of_the_users(released: Path, before: str, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset_of(released, before, "02-full"), hook=False, version=before)
    server = project / "src" / "shop" / "server.py"
    server.write_text(server.read_text() + "\n# mine\n")
    (project / ".env.local").write_text("POSTGRES_PASSWORD=mine\n")
    commit_all(project, "My changes")
    yours = {name: text for name, text in files(project).items() if name.startswith("src/") or name == ".env.defaults"}
    update(project, hook=True, production=True, image_name="registry.example.com/team/shop")
    after = files(project)
    assert after.keys() >= PRODUCTION and yours.items() <= after.items()
    assert (project / ".env.local").read_text() == "POSTGRES_PASSWORD=mine\n"
    assert (project / "secrets" / "db_password").stat().st_mode & 0o777 == 0o444
    assert git(project, "status", "--porcelain", "secrets") == ""
    # A starter of then has no migrations, and reads no passwords from files: nothing is run that is not there.
    assert (
        answers_of(project)["migrate_command"] == ""
        and "migrate" not in yaml.safe_load(after["docker-compose.prod.yml"])["services"]
    )


@pytest.mark.parametrize("version", ["v0.9.0", "before"])
def test_production_comes_to_several_mcp_servers_that_are_there(
    version: str, released: Path, before: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tag = before if version == "before" else version
    project = generated(released, tmp_path / "shop", preset_of(released, tag, "05-mcp-multi"), hook=False, version=tag)
    yours = {name: text for name, text in files(project).items() if name.startswith("servers/")}
    capfd.readouterr()
    update(project, hook=True, production=True)
    after = files(project)
    assert after.keys() >= {*PRODUCTION, "scripts/token", "scripts/lib/servers.py"} - {"docker-stack.yml"}
    assert yours.items() <= after.items()
    production = yaml.safe_load(after["docker-compose.prod.yml"])
    others = {"nginx", "db", "postgres_access", "certbot_renewal", "backup_copies"}
    assert production["services"].keys() == {"tasks", "docs", "gateway"} | others
    for name in ("tasks_password", "docs_password", "gateway_password", "gateway.env"):
        assert (project / "secrets" / name).stat().st_mode & 0o777 == 0o444
    # What an earlier starter lacks is said, and COMPOSE.md has the lines.
    said = "nothing in servers/tasks, servers/docs mentions DB_PASSWORD_FILE: COMPOSE.md says how to read them."
    output = "".join(capfd.readouterr())
    assert (said in output) is (version == "before")
    assert b'secret("DB_PASSWORD_FILE")' in after["COMPOSE.md"]


def test_production_that_goes_leaves_secrets_and_backups(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("12-production"), hook=True)
    (project / "backups").mkdir()
    (project / "backups" / "shop.dump").write_text("rows")
    (project / ".env.production").write_text("APP_REPLICAS=5\n")
    secret = (project / "secrets" / "db_password").read_text()
    commit_all(project, "As it is")
    update(project, hook=True, production=False)
    assert not PRODUCTION & files(project).keys()
    assert (project / "secrets" / "db_password").read_text() == secret
    assert (project / "backups" / "shop.dump").read_text() == "rows" and (project / ".env.production").exists()
    ignored = git(project, "check-ignore", "secrets/db_password", "backups/shop.dump", ".env.production").split()
    assert len(ignored) == 3


def test_edits_in_the_files_of_production_are_kept(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", preset("12-production"), hook=False)
    substitute(project / "docker-compose.prod.yml", r"stop_grace_period: 60s", "stop_grace_period: 90s")
    substitute(project / "nginx" / "nginx.conf.template", r"proxy_read_timeout 60s", "proxy_read_timeout 90s")
    commit_all(project, "My changes")
    update(project, postgres_version="18")
    compose = (project / "docker-compose.prod.yml").read_text()
    assert "stop_grace_period: 90s" in compose and "postgres-18:/var/lib/postgresql\n" in compose and "postgres-17" not in compose
    assert "proxy_read_timeout 90s" in (project / "nginx" / "nginx.conf.template").read_text()


def test_a_starter_of_an_earlier_release_reloads_from_now_on(released: Path, before: str, tmp_path: Path) -> None:
    project = generated(released, tmp_path / "shop", preset_of(released, before, "01-minimal"), hook=False, version=before)
    update(project)
    assert answers_of(project)["hot_reload"] is True
    assert "--reload" in yaml.safe_load((project / "docker-compose.yml").read_text())["services"]["app"]["command"]
    assert_fresh(project, released, tmp_path / "fresh")


def test_an_update_takes_the_bind_mount_from_no_command_of_ones_own(released: Path, before: str, tmp_path: Path) -> None:
    project = existing_project("flask-app", tmp_path / "shop")
    command = "gunicorn --bind 0.0.0.0:8000 --threads 4 shop:create_app()"
    adopt(released, project, {"app_command": command}, hook=False, vcs_ref=before)
    commit_all(project, "Adopt")
    app = yaml.safe_load((project / "docker-compose.yml").read_text())["services"]["app"]
    update(project)
    assert answers_of(project)["hot_reload"] is False
    # The healthcheck is another one, for each app.
    after = yaml.safe_load((project / "docker-compose.yml").read_text())["services"]["app"]
    assert after | {"healthcheck": {}} == app | {"healthcheck": {}}
    # And with the next one too.
    commit_all(project, "Update")
    update(project, port_slot=3)
    assert answers_of(project)["hot_reload"] is False


def test_hot_reload_that_comes_and_goes_is_as_if_generated_today(working_tree: Path, tmp_path: Path) -> None:
    project = generated(working_tree, tmp_path / "shop", {"hot_reload": False, "extras": ["debugpy"]}, hook=False)
    update(project, hot_reload=True, extras=[])
    rendered = fresh(working_tree, tmp_path / "fresh", project)
    assert managed(files(project)) == managed(files(rendered))
