#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# Ends with an error where the administrator's passwords are missing: a Redis without one is open to everybody.
if [ -z "${POSTGRES_PASSWORD-}" ] || [ -z "${REDISCLI_AUTH-}" ]; then
  echo "secrets/hub.env is missing or lacks a value: run scripts/setup, then docker compose up --wait" >&2
  exit 1
fi
