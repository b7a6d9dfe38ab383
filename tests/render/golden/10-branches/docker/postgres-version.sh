#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# postgres-version.sh COMMAND...: run the command, unless the data are of a Postgres that this one can't read.
set -eu

# A copy of a checkout has the environment of that one: its folder has another number than scripts/branch-env noted. Some file
# systems have other numbers in a container: there the path tells.
noted() { sed -n "s/^x-$1: \"\(.*\)\"$/\1/p" /.branch-env/*/*/* 2>/dev/null | tail -n 1; }
mounted=$(awk -v at="/.branch-env" '$5 == at { print $4 }' /proc/self/mountinfo)
case "$(stat -c %i /.branch-env 2>/dev/null):$(noted folder)/.branch-env" in
  "$(noted number):"* | *"$mounted") ;;
  *)
    if [ -n "$(noted number)" ]; then
      echo "This checkout is a copy of $(noted folder), with its .env: run scripts/setup, then docker compose up." >&2
      exit 1
    fi
    ;;
esac

upgrade="scripts/upgrade-postgres"
cd /var/lib/postgresql/data
found=$(cat PG_VERSION ./*/docker/PG_VERSION 2>/dev/null | sort -n | tail -n 1)
if [ -d upgraded ] || [ -d moving ]; then
  echo "$upgrade was interrupted: run it again." >&2
  exit 1
elif [ -n "$found" ] && [ "$found" != "$PG_MAJOR" ]; then
  echo "The data are of Postgres $found, this is $PG_MAJOR: run $upgrade, or go back with" \
    "copier update --trust -d postgres_version=$found." >&2
  exit 1
fi
exec "$@"
