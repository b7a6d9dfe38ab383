#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# Starts Postgres. At each start the password is set to the one in secrets/, and databases that are no project's are closed.
set -eu

rm -f /tmp/ready
{
  until pg_isready -q -h 127.0.0.1; do sleep 0.2; done
  psql -qX -v ON_ERROR_STOP=1 -U postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
ALTER ROLE postgres PASSWORD :'password';
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
SQL
  touch /tmp/ready
} &
exec docker-entrypoint.sh "$@"
