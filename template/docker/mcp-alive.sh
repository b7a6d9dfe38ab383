#!/bin/sh
# Managed by chora-compose-template: `copier update` rewrites this file.
# Say whether an MCP server is alive that has an image of its own, with what that has. Alive is any answer below 500, and
# a session of a client as long as it runs.
[ "$MCP_TRANSPORT" != stdio ] || exit 0
url=http://127.0.0.1:$MCP_PORT/health

has() {
  command -v "$1" >/dev/null
}

if has curl; then
  status=$(curl --silent --output /dev/null --max-time 3 --write-out '%{http_code}' "$url")
  [ "$status" -ge 100 ] && [ "$status" -lt 500 ]
elif has python3; then
  python3 -ISc 'import http.client as h, sys; c = h.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=3)
c.request("GET", "/health"); sys.exit(c.getresponse().status >= 500)' "$MCP_PORT"
elif has node; then
  node -e 'fetch(process.argv[1]).then((answer) => process.exit(answer.status < 500 ? 0 : 1), () => process.exit(1))' "$url"
elif has bun; then
  bun -e 'fetch(process.argv[1]).then((answer) => process.exit(answer.status < 500 ? 0 : 1), () => process.exit(1))' "$url"
elif has wget; then
  wget -S -O /dev/null -T 3 "$url" 2>&1 | grep -q 'HTTP/[0-9.]* [1-4]'
elif has nc; then
  printf 'GET /health HTTP/1.0\r\n\r\n' | nc -w 3 127.0.0.1 "$MCP_PORT" | grep -q '^HTTP/[0-9.]* [1-4]'
else
  echo "install curl in the image, or name another healthcheck in docker-compose.override.yml" >&2
  exit 1
fi
