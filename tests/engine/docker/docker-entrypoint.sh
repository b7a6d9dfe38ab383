#!/bin/sh
# Same contract as the official entry point: options or a subcommand alone mean docker, and without a socket of its own
# the client talks to the host `docker`, over TLS where the engine left its certificates for it.
set -eu
case "${1:-}" in
  -*) set -- docker "$@" ;;
  *) if docker help "${1:-}" >/dev/null 2>&1; then set -- docker "$@"; fi ;;
esac

certificates=${DOCKER_TLS_CERTDIR:+$DOCKER_TLS_CERTDIR/client}
if [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
  if [ -n "$certificates" ] && [ -s "$certificates/ca.pem" ] && [ -s "$certificates/cert.pem" ] && [ -s "$certificates/key.pem" ]; then
    export DOCKER_HOST=tcp://docker:2376
  else
    export DOCKER_HOST=tcp://docker:2375
  fi
fi
case "${DOCKER_HOST:-}" in
  tcp:*)
    if [ -n "$certificates" ] && [ -z "${DOCKER_TLS_VERIFY:-}" ] && [ -z "${DOCKER_CERT_PATH:-}" ] && [ -s "$certificates/ca.pem" ]; then
      export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$certificates"
    fi
    ;;
esac
exec "$@"
