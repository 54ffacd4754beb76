#!/bin/bash
# Radicale 3.9, a small strict server that rewrites what it is given. From PyPI, see `cargo xtask`.
# Its program: CALPAIR_RADICALE, else `radicale`.
. "$(dirname "$0")/common.sh"

if [ "$COMMAND" = stop ]; then finish radicale; exit 0; fi
printf 'alice:alicepw\nbob:bobpw\n' >"$DIR/users"
run radicale "${CALPAIR_RADICALE:-radicale}" --config "" --server-hosts "127.0.0.1:$PORT" \
  --storage-filesystem-folder "$DIR/data" --auth-type htpasswd \
  --auth-htpasswd-filename "$DIR/users" --auth-htpasswd-encryption plain --auth-delay 0
watch_owner
await radicale /
calendar bob bobpw /bob/work/
calendar alice alicepw /alice/home/
calendar alice alicepw /alice/work/
