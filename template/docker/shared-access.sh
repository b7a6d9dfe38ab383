#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# Makes what this project has in the shared services, where it is missing: its role and database, or its user of Redis.
#
#   shared-access.sh postgres
#   shared-access.sh redis
set -euf

fail() {
  echo "$1" >&2
  exit 1
}

missing="secrets/shared-admin.env is missing: run scripts/setup, then docker compose up --wait"
silent="the shared services do not answer: start them with \`cd ${SHARED_SERVICES-} && docker compose up --wait\`"
refused="the shared services refuse the password in secrets/shared-admin.env: run scripts/setup, then docker compose up --wait"

postgres() {
  [ -n "${PGPASSWORD-}" ] || fail "$missing"
  timeout 10 sh -c 'until pg_isready -q; do sleep 0.5; done' || fail "$silent"
  [ "$POSTGRES_USER" != postgres ] || fail "POSTGRES_USER=postgres is the administrator: take another name in .env.local"
  psql -c 'SELECT 1' >/dev/null 2>&1 || fail "$refused"
  sh /databases.sh
}

ask() {
  timeout 5 redis-cli -h shared-redis -e "$@"
}

redis() {
  [ -n "${REDISCLI_AUTH-}" ] || fail "$missing"
  timeout 10 sh -c 'until redis-cli -h shared-redis ping 2>&1 | grep -qE "PONG|AUTH|PASS"; do sleep 0.5; done' || fail "$silent"
  [ "$REDIS_USER" != default ] || fail "REDIS_USER=default is the administrator: take another name in .env.local"
  ask ping >/dev/null 2>&1 || fail "$refused"
  if ask ACL LIST | grep -v "^user $REDIS_USER " | grep -qE "\+select\|$REDIS_DB( |$)"; then
    fail "number $REDIS_DB of the shared Redis is another project's: run scripts/setup, then docker compose up --wait"
  fi
  # Channels belong to no logical database. For others than one's own set REDIS_CHANNELS='&*' in .env.defaults.
  channels="&$REDIS_USER:* &__keyspace@${REDIS_DB}__:* &__keyevent@${REDIS_DB}__:*"
  hash=$(printf %s "$REDIS_PASSWORD" | sha256sum | cut -c 1-64)
  # Commands that reach other logical databases or concern everybody are taken away; harmless ones that apps need are given back.
  # shellcheck disable=SC2086 # several channels
  ask ACL SETUSER "$REDIS_USER" reset on "#$hash" '~*' ${REDIS_CHANNELS:-$channels} +@all -@admin -@dangerous \
    +keys +flushdb +info +sort +sort_ro -select "+select|$REDIS_DB" -move -copy -swapdb \
    -function '-script|flush' '-script|kill' '-client|tracking' '-pubsub|channels' >/dev/null
  ask ACL SAVE >/dev/null
}

"$1"
