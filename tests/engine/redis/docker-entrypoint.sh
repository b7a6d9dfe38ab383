#!/bin/sh
# Same contract as the official entry points: options or a *.conf file alone mean the server, and root steps down.
set -e
name=redis
if command -v valkey-server >/dev/null; then name=valkey; fi
server=$name-server

case "$1" in
  -* | *.conf) set -- "$server" "$@" ;;
esac

if [ "$1" = "$server" ] && [ "$(id -u)" = 0 ]; then
  find . \! -user "$name" -exec chown "$name" '{}' +
  exec gosu "$name" "$0" "$@"
fi

# The official builds have protected mode off by default, Debian's have it on.
if [ "$1" = "$server" ]; then
  case " $* " in
    *" --protected-mode "* | *" -v "* | *" --version "* | *" -h "* | *" --help "* | *" --check-system "*) ;;
    *) grep -qs '^protected-mode' "${2:-/dev/null}" || set -- "$@" --protected-mode no ;;
  esac
fi

if [ "$(umask)" = 0022 ]; then umask 0077; fi
# Flags are several words on purpose; the Redis image has no such variable.
# shellcheck disable=SC2086
exec "$@" $VALKEY_EXTRA_FLAGS
