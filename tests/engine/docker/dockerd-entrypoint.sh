#!/bin/sh
# Same contract as the official entry point: options alone mean dockerd, which listens on its socket and, with a
# DOCKER_TLS_CERTDIR, over TLS on 2376, with new certificates at each start; without one in the clear on 2375.
# An ordinary user's listens on the socket in XDG_RUNTIME_DIR alone.
set -eu

# certificate NAME EXTENSIONS: a key and a certificate of our CA's in the folder NAME.
certificate() {
  mkdir -p "$1"
  openssl req -new -newkey rsa:2048 -noenc -keyout "$1/key.pem" -out "$1/csr.pem" -subj "/CN=docker:dind $1"
  printf '%s\n' "$2" >"$1/openssl.cnf"
  openssl x509 -req -in "$1/csr.pem" -CA ca/cert.pem -CAkey ca/key.pem -CAcreateserial -days 825 \
    -extfile "$1/openssl.cnf" -out "$1/cert.pem"
  cp ca/cert.pem "$1/ca.pem"
}

certificates() {
  names="DNS:docker,DNS:localhost,DNS:$(hostname),IP:127.0.0.1"
  for address in $(hostname -I); do names="$names,IP:$address"; done
  if [ -n "${DOCKER_TLS_SAN:-}" ]; then names="$names,$DOCKER_TLS_SAN"; fi
  mkdir -p "$DOCKER_TLS_CERTDIR/ca"
  cd "$DOCKER_TLS_CERTDIR"
  if [ ! -s ca/key.pem ]; then
    openssl req -x509 -new -newkey rsa:2048 -noenc -keyout ca/key.pem -out ca/cert.pem -days 825 -subj "/CN=docker:dind CA" \
      -addext keyUsage=critical,digitalSignature,keyCertSign
  fi
  certificate server "extendedKeyUsage=serverAuth
subjectAltName=$names"
  certificate client extendedKeyUsage=clientAuth
  chmod 644 client/key.pem # the client may be any user
  cd /
}

if [ "$(id -u)" != 0 ]; then
  exec rootlesskit --net=slirp4netns --mtu=1500 --disable-host-loopback --port-driver=builtin --copy-up=/etc --copy-up=/run \
    --state-dir="$XDG_RUNTIME_DIR/rootlesskit" dockerd --rootless --host="unix://$XDG_RUNTIME_DIR/docker.sock"
fi

if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
  if [ -n "${DOCKER_TLS_CERTDIR:-}" ]; then
    certificates
    set -- --host=tcp://0.0.0.0:2376 --tlsverify --tlscacert "$DOCKER_TLS_CERTDIR/server/ca.pem" \
      --tlscert "$DOCKER_TLS_CERTDIR/server/cert.pem" --tlskey "$DOCKER_TLS_CERTDIR/server/key.pem" "$@"
  else
    set -- --host=tcp://0.0.0.0:2375 "$@"
  fi
  set -- dockerd --host=unix:///var/run/docker.sock "$@"
fi
if [ "$1" != dockerd ]; then exec docker-entrypoint.sh "$@"; fi

find /run /var/run -iname 'docker*.pid' -delete || :
# Where this container lacks CAP_SYS_RESOURCE (bit 24), as on a machine without it, nobody inside can have it.
bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
if [ $((0x$bounding >> 24 & 1)) = 0 ]; then
  set -- "$@" --add-runtime reduced=/usr/local/bin/runc-without-sys-resource --default-runtime reduced
fi
exec docker-init -- "$@"
