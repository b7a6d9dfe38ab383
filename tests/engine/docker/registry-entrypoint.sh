#!/bin/sh
# Same contract as the official entry point: a configuration file alone is what the registry serves.
set -e
case "$1" in
  *.yaml | *.yml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
