#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# postgres-version.sh COMMAND...: run the command, unless the data are of a Postgres that this one can't read.
set -eu

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
