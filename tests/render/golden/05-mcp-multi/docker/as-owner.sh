#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# as-owner.sh COMMAND...: run the command as the owner of the mounted folder, so that what it writes there is yours.
set -eu
uid=$(stat -c %u .) gid=$(stat -c %g .)
getent passwd "$uid" >/dev/null || echo "dev:x:$uid:$gid::/tmp:/bin/sh" >>/etc/passwd
[ "$uid" = 0 ] || export HOME=/tmp
exec setpriv --reuid="$uid" --regid="$gid" --clear-groups -- "$@"
