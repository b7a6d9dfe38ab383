#!/bin/sh
# As in the official image: what is in /docker-entrypoint.d runs first, but only where nginx itself is started.
set -e
case "$1" in
  nginx | nginx-debug)
    find /docker-entrypoint.d/ -follow -type f -name '*.sh' | sort -V | while read -r script; do
      if [ -x "$script" ]; then "$script"; fi
    done
    ;;
esac
exec "$@"
