# shellcheck shell=bash disable=SC2034
# What up, down and on share. Today's engine uses the places that Docker uses by itself, the oldest one those here.
state=/run/chora-compose-engine # logs, pids and the oldest engine's socket
home=/var/lib/chora-compose-engine # an engine's programs in the folder of their Debian suite, and the oldest engine's data
today=$home/forky oldest=$home/trixie
# A container of today's engine: the oldest one and its tests run in its network, so that neither sees the other's ports and rules.
oldest_network=chora-compose-oldest
# Podman's machine, a container of today's engine too; the projects that it is given have the same path there and here.
podman_machine=chora-compose-podman podman_projects=$home/podman-projects
# The versions that projects need, as README.md and hooks/machine.py say them.
minimum_engine=25 minimum_compose=2.24.4 minimum_buildx=0.13

die() {
  echo "tests/engine/$(basename "$0"): $*" >&2
  exit 1
}

quiet() { "$@" >/dev/null 2>&1; }

# at_least MINIMUM VERSION
at_least() { [ -n "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# running NAME: the pid of an engine that up started, `today` or `oldest`.
running() {
  local pid
  pid=$(cat "$state/$1.pid" 2>/dev/null) || return 1
  # The number may belong to another process by now.
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && echo "$pid"
}
