#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# Starts n8n with the owner's login of secrets/gateway.env.
set -eu

# In production it is a file, in no environment.
login=/run/secrets/gateway.env
if [ -f $login ]; then
  value() { sed -nE "s/^$1=(['\"]?)(.*)\1\r?$/\2/p" $login | tail -n 1; }
  N8N_ENCRYPTION_KEY=$(value N8N_ENCRYPTION_KEY) GATEWAY_EMAIL=$(value GATEWAY_EMAIL) GATEWAY_PASSWORD=$(value GATEWAY_PASSWORD)
  export N8N_ENCRYPTION_KEY GATEWAY_EMAIL GATEWAY_PASSWORD
  # At /n8n/ of the first name that clients know, or on a host of its own.
  port=:$GATEWAY_PORT
  known="${MCP_ALLOWED_HOSTS:-localhost} "
  host=${N8N_HOST:-${known%% *}}
  case $port in :443) port= ;; esac
  case $host in *:*) port= ;; esac
  N8N_PATH=${N8N_HOST:+/}
  export N8N_PATH="${N8N_PATH:-/n8n/}"
  export N8N_EDITOR_BASE_URL="${N8N_EDITOR_BASE_URL:-https://$host$port$N8N_PATH}"
  export N8N_WEBHOOK_URL="${N8N_WEBHOOK_URL:-https://$host$port$N8N_PATH}"
fi

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
