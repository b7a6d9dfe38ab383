"""Docker Compose accepts what is rendered, and understands it as it is meant."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.compose import WITH_TESTS, config, config_of, copy_of, with_tests
from tests.render.conftest import Case
from tests.support import ROOT, extension, render

namespace = extension("names").namespace

LOCAL = "POSTGRES_USER=ann\nPOSTGRES_PASSWORD='pa$$w0rd'\nPOSTGRES_DB=shop\n"
# The key of a service's port in the extension, and what it listens on inside; the app's own is an answer.
PORTS = {"app": ("app", 0), "mcp-server": ("app", 0), "db": ("db", 5432), "redis": ("redis", 6379), "gateway": ("gateway", 5678)}
PORTS |= {"shared-postgres": PORTS["db"], "shared-redis": PORTS["redis"]}


# Services of the app's image, by the answers that start them.
BESIDE = {"worker": "worker_command", "scheduler": "schedule_command"}
# What runs once and ends; others wait for that.
ONCE = {"secrets", "postgres-access", "redis-access", "postgres_access"}


def services_of(saved: dict[str, Any]) -> dict[str, set[str]]:
    """Return the services that a project has, and what each of them waits for."""
    if saved["stack"] == "shared-services":
        return {"secrets": set(), "shared-postgres": {"secrets"}, "shared-redis": {"secrets"}}
    shared = saved.get("isolation") == "shared"
    data = {"postgres": "postgres-access", "redis": "redis-access"} if shared else {"postgres": "db", "redis": "redis"}
    there = {name: set[str]() for answer, name in data.items() if answer in saved.get("services", [])}
    mail = {"mailcatcher": set[str]()} if "mail" in saved["extras"] else {}
    if saved["stack"] == "mcp-multi":
        servers: list[str] = saved["mcp_servers"]
        ready = {"db", "postgres_access", *mail}
        theirs = saved.get("own_servers", {})
        started = {name for name in servers if theirs.get(name, {}).get("speaks") != "stdio"}
        gateway = {"gateway": {*ready, *started}} if saved["gateway"] == "n8n" else {}
        return {"db": set(), "postgres_access": {"db"}, **dict.fromkeys(servers, ready), **gateway, **mail}
    own = {"minimal": "app", "full": "app", "mcp": "mcp-server"}.get(saved["stack"])
    beside = {name: {*there, *mail} for name, answer in BESIDE.items() if saved.get(answer)}
    return {**({own: {*there, *mail}} if own else {}), **beside, **there, **mail}


def listens(saved: dict[str, Any]) -> bool:
    """Tell whether the app has a port."""
    return bool(saved["app_command"] and saved["app_port"])


def is_stdio_only(saved: dict[str, Any]) -> bool:
    """Tell whether nothing but a client can start the MCP server."""
    http = saved.get("mcp_http") or extension("facts/commands").speaks_http(saved["app_command"])
    return saved["stack"] == "mcp" and not http


def watched(saved: dict[str, Any], command: str) -> str:
    """Return a command that watchfiles starts again after a change; empty where its image has none, or nothing reloads."""
    there = saved.get("hot_reload") and "watchfiles" in saved.get("dev_requirements", [])
    words = ["watchfiles", "--filter", "python", "--target-type", "command", command, saved["source_folder"]]
    return shlex.join(words) if there else ""


def reload_command(saved: dict[str, Any]) -> str:
    """Return the command that reloads the app in development; empty where there is none."""
    own = own_reload_command(saved)
    quick = shlex.split(own)[:1] in (["uvicorn"], ["flask"]) or (
        saved.get("web_framework") == "django" and (not saved["own_app"] or saved.get("django", {}).get("manage_py"))
    )
    return own if quick or not listens(saved) else watched(saved, saved["app_command"]) or own


def own_reload_command(saved: dict[str, Any]) -> str:
    """Return the command by which the app reloads itself; empty where it can't."""
    if not saved.get("hot_reload") or saved["app_command"] != saved["default_command"] or not saved.get("mount_code", True):
        return ""
    found = saved.get("django", {}) if saved["own_app"] else {"manage_py": "manage.py"}
    runs = saved.get("web_framework") == "django" and "websockets" not in found and "Dockerfile" not in saved["keep_files"]
    manage_py = found.get("manage_py", "") if runs and saved["app_port"] else ""
    reload_form = extension("facts/commands").reload_form
    return str(reload_form(saved["app_command"], saved["source_folder"], saved["web_framework"], manage_py, saved["app_port"]))


def restarts_on_change(saved: dict[str, Any]) -> bool:
    """Tell whether Compose brings changes into the container, because the app can't reload itself."""
    return bool(saved.get("hot_reload") and saved["app_command"]) and not reload_command(saved)


def command_of(saved: dict[str, Any], command: str) -> list[str]:
    """Return a command as the service has it: what an image's own entrypoint says already is not said twice."""
    words, entrypoint = shlex.split(command), saved["image_entrypoint"]
    rest = words[1:] if words[:1] == entrypoint[-1:] else words
    if saved["stack"] == "mcp":  # with an entrypoint of the template's
        return [*entrypoint, *rest]
    if "Dockerfile" not in saved["keep_files"]:
        return words
    return [] if rest == saved["image_command"] else rest


def words_of(service: dict[str, Any]) -> list[str]:
    """Return a service's command. Compose doubles each $ of what it prints, to be read again."""
    return [word.replace("$$", "$") for word in service["command"] or []]


def variable(server: str) -> str:
    """Return the name of the variable that holds a server's password."""
    return f"MCP_{server.replace('-', '_').upper()}_PASSWORD"


def test_compose_accepts_it_without_a_warning(case: Case) -> None:
    saved, stdio_only = case.saved, is_stdio_only(case.saved)
    project = config_of(case)
    expected = services_of(saved)
    assert project["name"] == saved["project_slug"]
    assert project["services"].keys() == expected.keys()
    for name, service in project["services"].items():
        assert {other: on["condition"] for other, on in service.get("depends_on", {}).items()} == {
            other: "service_completed_successfully" if other in ONCE else "service_healthy" for other in expected[name]
        }
        idle = name in BESIDE or (name == "app" and not listens(saved))
        assert bool(service.get("healthcheck")) != (name in ONCE or idle)
        assert not idle or service.get("restart") == ("on-failure" if service.get("profiles") != ["app"] else None)
        assert not {"container_name", "tty", "stdin_open"} & service.keys()
        with_session = name == "mcp-server" or (name in ONCE and saved["stack"] == "mcp")
        own_stdio = saved.get("own_servers", {}).get(name, {}).get("speaks") == "stdio"
        library = name == "app" and not saved["app_command"]
        assert service.get("profiles") == (
            ["stdio"] if (with_session and stdio_only) or own_stdio else ["app"] if library else None
        )
        published = [(port["host_ip"], port["published"], port["target"]) for port in service.get("ports", [])]
        key, inside = PORTS.get(name, ("", 0))
        if idle:
            assert published == (
                [("127.0.0.1", debug_port(saved), 5678)] if name == "app" and "debugpy" in saved["extras"] else []
            )
        elif key and not service.get("profiles"):
            outside = extension("ports").port(key, saved["port_slot"])
            debugger = [("127.0.0.1", debug_port(saved), 5678)] if name == "app" and "debugpy" in saved["extras"] else []
            assert published == [("127.0.0.1", str(outside), inside or saved["app_port"]), *debugger]
        elif name == "mailcatcher":
            inside_of = {"mail": 1080} | ({"smtp": 1025} if saved["stack"] == "hybrid" else {})
            outside_of = {key: str(extension("ports").port(key, saved["port_slot"])) for key in inside_of}
            assert published == [("127.0.0.1", outside_of[key], inside) for key, inside in inside_of.items()]
        else:
            assert published == []
    publish = {PORTS[name][0] for name in PORTS.keys() & project["services"].keys() if project["services"][name].get("ports")}
    publish -= set() if saved["stack"] in {"mcp", "mcp-multi", "hybrid", "shared-services"} or listens(saved) else {"app"}
    publish |= {
        {1080: "mail", 1025: "smtp"}[port["target"]] for port in project["services"].get("mailcatcher", {}).get("ports", [])
    }
    assert publish == {*extension("context").facts.facts(saved).published_services}
    if own := project["services"].get("app") or project["services"].get("mcp-server"):
        started = command_of(saved, reload_command(saved) or saved["app_command"] or "python")
        debugged = ["env", "DEBUG_LISTEN=5678"] if "debugpy" in saved["extras"] else []
        if debugged and started[0] == "watchfiles":
            started, debugged = shlex.split(watched(saved, f"env DEBUG_LISTEN=5678 {saved['app_command']}")), []
        assert words_of(own) == [*debugged, *started]
    for name in BESIDE.keys() & project["services"].keys():
        given = saved[BESIDE[name]]
        command = given if restarts_on_change(saved) else watched(saved, given) or given
        assert words_of(project["services"][name]) == shlex.split(command)
    for name in {"db", "shared-postgres"} & expected.keys():
        volume = project["services"][name]["volumes"][0]
        assert volume["target"] == "/var/lib/postgresql" + ("" if saved["postgres_version"] == "18" else "/data")
        assert project["services"][name]["image"].startswith(f"postgres:{saved['postgres_version']}-")
    for service, name in {"mcp-server": saved["project_slug"], **{name: name for name in saved.get("mcp_servers", [])}}.items():
        if service in expected:
            environment = project["services"][service]["environment"]
            assert (environment["MCP_SERVER_NAME"], environment["MCP_NAMESPACE"]) == (name, namespace(name))


def test_mail_goes_to_the_mail_catcher_in_development_alone(case: Case) -> None:
    saved, mail = case.saved, "mail" in case.saved.get("extras", [])
    names = {"app", *BESIDE, "mcp-server", *saved.get("mcp_servers", [])} if saved["stack"] != "shared-services" else set()
    where = ("mailcatcher", "1025") if mail else (None, None)
    for name, service in config_of(case)["services"].items():
        environment = service.get("environment") or {}
        found = environment.get("SMTP_HOST"), environment.get("SMTP_PORT")
        assert found == (where if name in names else (None, None)), name
        if mail and name in names:
            assert service["depends_on"]["mailcatcher"]["required"] is False, "there is none where tests run"
    if saved.get("ci"):
        tests = config_of(case, *WITH_TESTS)["services"]
        assert "mailcatcher" not in tests
        assert not [name for name, one in tests.items() if "SMTP_HOST" in (one.get("environment") or {})]
    for name in {"docker-compose.prod.yml", "docker-stack.yml"} & case.files.keys():
        assert b"mailcatcher" not in case.files[name]


def debug_port(saved: dict[str, Any]) -> str:
    """Return where the debugger is published: no branch has one of its own, because none is in the registry."""
    return "0" if saved["branch_environments"] else str(5400 + saved["port_slot"])


def test_no_branch_of_any_project_has_the_port_of_a_debugger() -> None:
    ports = extension("ports")
    debuggers = {5400 + slot for slot in range(10)}
    assert debuggers <= ports.names.OWN_PORTS
    assert not debuggers & {base + slot for base in ports.BASES.values() for slot in range(10)}


def test_a_change_is_brought_to_the_app_by_a_bind_mount_or_by_compose(case: Case) -> None:
    saved = case.saved
    app = config_of(case)["services"].get("app")
    if not app:
        assert "hot_reload" not in saved
        return
    mounted = str(case.folder) in {volume["source"] for volume in app.get("volumes", [])}
    assert mounted == (saved.get("mount_code", True) and not restarts_on_change(saved))
    rules = app.get("develop", {}).get("watch", [])
    assert bool(rules) == bool(saved["hot_reload"] and saved["app_command"])
    [*rebuilt, code] = rules or [{}]
    if rules and "Dockerfile" in saved["keep_files"]:
        assert (rebuilt, code["action"], code["path"]) == ([], "rebuild", str(case.folder)), "its user may not write there"
    elif rules:
        assert (code["path"], code["target"]) == (str(case.folder), saved["workdir"])
        assert code["action"] == ("sync+restart" if restarts_on_change(saved) else "sync")
        assert {rule["action"] for rule in rebuilt} <= {"rebuild"}
        assert (str(case.folder / saved["dependencies"]) in {rule["path"] for rule in rebuilt}) == (
            saved["dependencies"] != "none"
        )


def test_neither_reloader_nor_debugger_gets_into_the_image_or_the_tests(case: Case) -> None:
    saved = case.saved
    dockerfile = re.sub(r"^#.*\n", "", case.files.get("Dockerfile", b"").decode(), flags=re.MULTILINE)
    debugger = saved["stack"] in {"minimal", "full"} and "debugpy" in saved["extras"]
    apart = saved.get("dev_requirements", []) != []
    stages = [stage.partition("\n") for stage in re.split(r"^FROM ", dockerfile, flags=re.MULTILINE)[1:]]
    if stages:
        made_from = "base" if saved.get("build_packages") else "dependencies"
        # The development image has packages of its own, or nothing but the debugger.
        last, development = f"{made_from} AS {'production' if apart else 'run'}", "dependencies AS development"
        if debugger and not apart:
            last, development = "run AS production", "run AS development"
        assert stages[-1][0] == last
        assert [head for head, _, body in stages if "debug" in head + body] == (
            ["uv AS debugger", development] if debugger else []
        )
        assert not [head for head, _, body in stages if "watchfiles" in body and head != development]
        commands = re.findall(r"^CMD (.*)$", dockerfile, re.MULTILINE)
        assert [json.loads(command) for command in commands] == [shlex.split(one) for one in [saved["app_command"]] if one]
    if saved.get("ci") and saved["stack"] in {"minimal", "full"}:
        app = config_of(case, *WITH_TESTS, "--profile", "app")["services"]["app"]
        assert words_of(app) == command_of(saved, saved["app_command"] or "python")
        assert app["build"].get("target") == ("production" if debugger or apart else None)


def test_what_env_local_says_reaches_the_database_and_the_app_alike(case: Case, tmp_path: Path) -> None:
    saved, folder = case.saved, copy_of(case, tmp_path)
    owners = [name for name, on in services_of(saved).items() if "postgres_access" in on]
    (folder / ".env.local").write_text(LOCAL + "".join(f"{variable(name)}='{name}$$'\n" for name in owners))
    services = config(folder, "--profile", "stdio")["services"]
    if "db" in services:
        assert services["db"]["environment"]["POSTGRES_PASSWORD"] == "pa$$$$w0rd"
        assert services["db"]["environment"]["POSTGRES_USER"] == "ann"
        assert services["db"]["environment"].get("PGHOST", "") == "", "its own psql takes the socket"
    for own in {"app", "mcp-server"} & services.keys():
        if "db" in services:
            environment = services[own]["environment"]
            scheme = saved.get("database_scheme", "postgresql")
            assert environment["DATABASE_URL"] == f"{scheme}://ann:pa$$$$w0rd@db:5432/shop"
            libpq = [environment[f"PG{key}"] for key in ("HOST", "PORT", "USER", "PASSWORD", "DATABASE")]
            assert libpq == ["db", "5432", "ann", "pa$$$$w0rd", "shop"]
        if "redis" in services:
            assert services[own]["environment"]["REDIS_URL"] == "redis://redis:6379/0"
    for owner in owners:
        assert services["postgres_access"]["environment"][variable(owner)] == f"{owner}$$$$"
        assert_own_database(owner, f"{owner}$$$$", services[owner]["environment"])


def assert_own_database(owner: str, password: str, environment: dict[str, str]) -> None:
    """Assert that a service of several gets to its own database alone, and in its own name."""
    role = owner.replace("-", "_")
    assert [environment[f"POSTGRES_{key}"] for key in ("USER", "PASSWORD", "DB")] == [role, password, role]
    if owner == "gateway":
        assert [environment[f"DB_POSTGRESDB_{key}"] for key in ("USER", "PASSWORD", "DATABASE")] == [role, password, role]
    else:
        assert environment["DATABASE_URL"] == f"postgresql://{role}:{password}@db:5432/{role}"
        libpq = [environment[f"PG{key}"] for key in ("HOST", "USER", "PASSWORD", "DATABASE")]
        assert libpq == ["db", role, password, role]


@pytest.mark.parametrize("slug", ["null", "true", "no"])
@pytest.mark.parametrize("stack", ["minimal", "mcp"])
def test_a_project_may_be_called_what_yaml_takes_for_something_else(
    slug: str, stack: str, template: Path, tmp_path: Path
) -> None:
    folder = render(template, tmp_path / "my-project", {"stack": stack, "project_slug": slug})
    assert config(folder, "--profile", "stdio")["name"] == slug


@pytest.fixture
def full(template: Path, tmp_path: Path) -> Path:
    return render(template, tmp_path / "my-project", {"stack": "full"})


@pytest.fixture
def multi(template: Path, tmp_path: Path) -> Path:
    return render(template, tmp_path / "my-project", {"stack": "mcp-multi", "mcp_servers": ["tasks", "my-docs"]})


@pytest.mark.parametrize(("stack", "service"), [("full", "app"), ("mcp", "mcp-server")])
def test_an_url_in_env_local_wins_and_one_in_the_shell_or_in_env_does_not_leak_in(
    stack: str, service: str, template: Path, tmp_path: Path
) -> None:
    folder = render(template, tmp_path / "my-project", {"stack": stack, "services": ["postgres", "redis"]})
    (folder / ".env").write_text("DATABASE_URL=postgresql://from-env\n")
    shell = {"DATABASE_URL": "postgresql://from-shell", "REDIS_URL": "redis://from-shell"}
    environment = config(folder, env=shell)["services"][service]["environment"]
    assert environment["DATABASE_URL"] == "postgresql://dev:dev@db:5432/my_project"
    assert environment["REDIS_URL"] == "redis://redis:6379/0"
    (folder / ".env.local").write_text("DATABASE_URL=postgresql://mine\nREDIS_URL=redis://mine\n")
    environment = config(folder, env=shell)["services"][service]["environment"]
    assert (environment["DATABASE_URL"], environment["REDIS_URL"]) == ("postgresql://mine", "redis://mine")


def test_each_of_several_servers_has_a_database_and_a_password_of_its_own(multi: Path) -> None:
    (multi / ".env").write_text("DATABASE_URL=postgresql://from-env\nPOSTGRES_PASSWORD=from-env\n")
    services = config(multi, env={"DATABASE_URL": "postgresql://from-shell", "POSTGRES_USER": "from-shell"})["services"]
    logins = {"tasks": "tasks-dev", "my-docs": "my_docs-dev", "gateway": "gateway-dev"}
    for owner, password in logins.items():
        environment = services[owner]["environment"]
        assert_own_database(owner, password, environment)
        others = {*logins.values(), "dev"} - {password}
        assert not others & {*environment.values()}
        assert not [value for value in environment.values() for other in others if f":{other}@" in value]
    database = services["postgres_access"]["environment"]
    assert services["postgres_access"]["command"] == ["tasks", "my_docs", "gateway"]
    assert (database["POSTGRES_USER"], database["POSTGRES_PASSWORD"], database["POSTGRES_DB"]) == ("dev", "dev", "my_project")
    assert {variable(owner): database[variable(owner)] for owner in logins} == {variable(name): logins[name] for name in logins}


def test_a_new_password_of_one_server_changes_no_other(multi: Path) -> None:
    (multi / ".env.local").write_text("MCP_MY_DOCS_PASSWORD='p@ss$1'\n")
    services = config(multi)["services"]
    assert_own_database("my-docs", "p@ss$$1", services["my-docs"]["environment"])
    assert services["postgres_access"]["environment"]["MCP_MY_DOCS_PASSWORD"] == "p@ss$$1"
    assert_own_database("tasks", "tasks-dev", services["tasks"]["environment"])
    assert services["postgres_access"]["environment"]["MCP_TASKS_PASSWORD"] == "tasks-dev"


@pytest.mark.parametrize(("gateway", "most"), [("none", 13), ("n8n", 15)])
def test_all_servers_have_one_definition(gateway: str, most: int, template: Path, tmp_path: Path) -> None:
    def compose_file(*names: str) -> str:
        answers = {"stack": "mcp-multi", "gateway": gateway, "mcp_servers": [*names]}
        return (render(template, tmp_path / str(len(names)), answers) / "docker-compose.yml").read_text()

    one, three = compose_file("a"), compose_file("a", "b", "c")
    assert one.count("&server") == three.count("&server") == 1
    assert three.count("<<: *server") == 3
    assert len(three.splitlines()) - len(one.splitlines()) <= 2 * most


def test_what_only_a_client_can_start_is_not_started_by_up(template: Path, tmp_path: Path) -> None:
    answers = {"stack": "mcp", "mcp_http": False}
    folder = render(template, tmp_path / "my-project", answers)
    assert set(config(folder)["services"]) == {"db"}
    service = config(folder, "--profile", "stdio")["services"]["mcp-server"]
    assert service["environment"]["MCP_TRANSPORT"] == "stdio"
    assert "ports" not in service


@pytest.mark.parametrize(("slot", "app", "db"), [(0, 8000, 5432), (1, 8001, 5433), (2, 8002, 5434), (9, 8009, 5441)])
def test_the_slot_moves_every_port(template: Path, tmp_path: Path, slot: int, app: int, db: int) -> None:
    folder = render(template, tmp_path / "my-project", {"stack": "full", "port_slot": slot})
    services = yaml.safe_load((folder / "docker-compose.yml").read_text())["services"]
    assert services["app"]["ports"] == [f"127.0.0.1:${{APP_PORT:-{app}}}:8000"]
    assert services["db"]["ports"] == [f"127.0.0.1:${{POSTGRES_PORT:-{db}}}:5432"]
    assert services["redis"]["ports"] == [f"127.0.0.1:${{REDIS_PORT:-{6379 + slot}}}:6379"]
    guide = (folder / "COMPOSE.md").read_text()
    assert f"http://127.0.0.1:{app} " in guide
    assert f"127.0.0.1:{db} " in guide


def test_the_slot_moves_the_ports_of_mcp_servers_too(template: Path, tmp_path: Path) -> None:
    one = render(template, tmp_path / "one", {"stack": "mcp", "port_slot": 3})
    services = yaml.safe_load((one / "docker-compose.yml").read_text())["services"]
    assert services["mcp-server"]["ports"] == ["127.0.0.1:${APP_PORT:-8003}:8000"]
    assert "http://127.0.0.1:8003/mcp" in (one / "COMPOSE.md").read_text()
    several = render(template, tmp_path / "several", {"stack": "mcp-multi", "port_slot": 3})
    services = yaml.safe_load((several / "docker-compose.yml").read_text())["services"]
    assert services["gateway"]["ports"] == ["127.0.0.1:${N8N_PORT:-5681}:5678"]
    assert "http://127.0.0.1:5681 " in (several / "COMPOSE.md").read_text()


def test_the_tests_have_an_environment_of_their_own_and_leave_no_trace(case: Case, tmp_path: Path) -> None:
    saved, folder = case.saved, copy_of(case, tmp_path)
    if not saved.get("ci"):
        assert not {"docker-compose.test.yml", ".env.test", "scripts/ci"} & case.files.keys()
        return
    (folder / ".env.local").write_text("POSTGRES_PASSWORD=mine\nAPI_KEY=mine\nDATABASE_URL=mine\nREDIS_URL=mine\n")
    # Which .env.defaults keeps out; one of the user's own may not.
    if ".env.defaults" not in case.kept:
        (folder / ".env").write_text("DATABASE_URL=mine\nREDIS_URL=mine\n")
    project = with_tests(folder, "--profile", "tests")
    services, data = project["services"], {"db", "redis"}
    assert project["name"] == f"{saved['project_slug']}-test"
    used = {"db"} if saved["stack"] == "mcp-multi" else {{"postgres": "db"}.get(name, name) for name in saved.get("services", [])}
    assert data & services.keys() == used, "services of its own, also where those of development are shared"
    names = saved.get("mcp_servers", [])
    suites = {f"{name}_tests" for name in names} if saved["stack"] == "mcp-multi" else {"tests"}
    assert suites <= services.keys()
    assert "gateway" not in services
    for name, service in services.items():
        assert not service.get("ports"), name
        assert "mine" not in {*service.get("environment", {}).values()}, name
        assert not {"API_KEY"} & service.get("environment", {}).keys(), name
        assert not service.get("volumes"), name
        assert not {"postgres-access", "redis-access"} & service.get("depends_on", {}).keys()
        if name in data:
            fixed = "/var/lib/postgresql" + ("" if saved.get("postgres_version") == "18" else "/data")
            # One place for every version, where several are tested.
            database = "/pgdata" if saved.get("test_postgres_versions") else fixed
            assert service["tmpfs"] == [database if name == "db" else "/data"]
            assert service["healthcheck"]["test"]
        elif name != "postgres_access":
            assert service["environment"]["TESTING"] == "true", name
    migrates = bool(saved.get("migrate_command")) and "db" in used and saved["stack"] != "mcp-multi"
    assert ("migrate" in services) == migrates
    for name in suites | {"app", "mcp-server"} & services.keys():
        once = {"migrate"} if migrates else {"postgres_access"} & services.keys()
        waits = {**dict.fromkeys(once, "service_completed_successfully"), **dict.fromkeys(used, "service_healthy")}
        needed = {other: on["condition"] for other, on in services[name].get("depends_on", {}).items() if on["required"]}
        assert needed == waits, name


def test_what_stands_in_the_file_for_tests_reaches_the_database_and_the_tests_alike(template: Path, tmp_path: Path) -> None:
    folder = render(template, tmp_path / "shop", {"stack": "full", "ci": ["github"]})
    (folder / ".env.test").write_text("POSTGRES_USER=ann\nPOSTGRES_PASSWORD=pw\nPOSTGRES_DB=shop\n")
    services = with_tests(folder, "--profile", "tests")["services"]
    assert services["db"]["environment"]["POSTGRES_USER"] == "ann"
    assert services["app"]["environment"]["DATABASE_URL"] == "postgresql://ann:pw@db:5432/shop"
    assert services["tests"]["environment"]["DATABASE_URL"] == "postgresql://ann:pw@db:5432/shop"


def test_a_port_variable_moves_one_port(full: Path) -> None:
    (full / ".env").write_text("POSTGRES_PORT=6001\n")
    services = config(full, env={"APP_PORT": "9001"})["services"]
    assert services["app"]["ports"][0]["published"] == "9001"
    assert services["db"]["ports"][0]["published"] == "6001"
    assert services["redis"]["ports"][0]["published"] == "6379"


def test_a_port_variable_moves_the_gateway(multi: Path) -> None:
    services = config(multi, env={"N8N_PORT": "9002", "APP_PORT": "9001"})["services"]
    ports = {name: [port["published"] for port in service.get("ports", [])] for name, service in services.items()}
    assert ports == {"db": ["5432"], "postgres_access": [], "gateway": ["9002"], "tasks": [], "my-docs": []}


def test_an_override_file_of_the_users_own_is_merged(full: Path) -> None:
    (full / "docker-compose.override.yml").write_text("services: {app: {environment: {LOG_LEVEL: debug}}, mail: {image: mail}}\n")
    services = config(full)["services"]
    assert services["app"]["environment"]["LOG_LEVEL"] == "debug"
    assert set(services) == {"app", "db", "redis", "mail"}
    assert "docker-compose.override.yml" not in {path.name for path in (ROOT / "template").iterdir()}
