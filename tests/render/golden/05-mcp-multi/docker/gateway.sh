#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# Starts n8n with the owner's login of secrets/gateway.env.
set -eu

if [ -z "${N8N_ENCRYPTION_KEY-}" ] || [ -z "${GATEWAY_PASSWORD-}" ]; then
  echo "secrets/gateway.env is missing or lacks a value: run scripts/setup, then docker compose up --wait" >&2
  exit 1
fi
kept=$(node -p 'JSON.parse(require("fs").readFileSync("/home/node/.n8n/config")).encryptionKey' 2>/dev/null || :)
if [ -n "$kept" ] && [ "$kept" != "$N8N_ENCRYPTION_KEY" ]; then
  echo "n8n's data were made with another key than secrets/gateway.env has, as in another clone: set N8N_ENCRYPTION_KEY there to" \
    "what \`docker compose run --rm --no-deps -T --entrypoint cat gateway .n8n/config\` shows, then docker compose up --wait" >&2
  exit 1
fi
# n8n takes its owner from the environment, and wants the password as a hash.
cd /usr/local/lib/node_modules/n8n
N8N_INSTANCE_OWNER_PASSWORD_HASH=$(node -p 'require("bcryptjs").hashSync(process.env.GATEWAY_PASSWORD)')
export N8N_INSTANCE_OWNER_PASSWORD_HASH N8N_INSTANCE_OWNER_MANAGED_BY_ENV=true N8N_INSTANCE_OWNER_EMAIL="$GATEWAY_EMAIL"
unset GATEWAY_PASSWORD
cd
exec /docker-entrypoint.sh "$@"
