#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# Starts Redis. The projects' users are in users.acl, and stay; the administrator gets the password in secrets/.
set -eu

touch /data/users.acl
{ grep -v '^user default ' /data/users.acl || true; } >/data/users.new
echo "user default on #$(printf %s "$REDISCLI_AUTH" | sha256sum | cut -c 1-64) ~* &* +@all" >>/data/users.new
chown "${1%-server}:${1%-server}" /data/users.new
mv /data/users.new /data/users.acl
exec docker-entrypoint.sh "$@"
