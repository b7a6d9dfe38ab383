#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file. Your own SQL goes into a file of yours.
# Makes roles in Postgres, each with a database that no other role can connect to. What is there stays, but for the passwords.
#
#   databases.sh            one role: POSTGRES_USER, with POSTGRES_PASSWORD and the database POSTGRES_DB
#   databases.sh NAME...    a role and a database for each name, with the password in MCP_NAME_PASSWORD, or in a file in production
set -eu

database() {
  ROLE=$1 PASSWORD=$2 DATABASE=$3 psql -qX -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
\getenv role ROLE
\getenv password PASSWORD
\getenv database DATABASE
-- One at a time, because Postgres refuses two that make the same at once.
SELECT pg_advisory_lock(1);
SELECT format('CREATE ROLE %I LOGIN', :'role')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" PASSWORD :'password';
SELECT format('CREATE DATABASE %I', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
ALTER DATABASE :"database" OWNER TO :"role";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
}

if [ $# = 0 ]; then
  database "$POSTGRES_USER" "$POSTGRES_PASSWORD" "$POSTGRES_DB"
  exit
fi
export PGUSER="$POSTGRES_USER" PGPASSWORD="${POSTGRES_PASSWORD-}" PGDATABASE="$POSTGRES_DB"
for name in "$@"; do
  file=/run/secrets/${name}_password
  if [ -f "$file" ]; then
    password=$(head -n 1 "$file" | tr -d '\r')
  else
    password=$(printenv "MCP_$(echo "$name" | tr '[:lower:]' '[:upper:]')_PASSWORD")
  fi
  database "$name" "$password" "$name"
done
