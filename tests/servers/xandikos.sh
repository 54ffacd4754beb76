#!/bin/bash
# Xandikos 0.4, on top of git; knows one person and asks for no password. From PyPI.
# Its program: CALPAIR_XANDIKOS, else `xandikos`.
. "$(dirname "$0")/common.sh"

if [ "$COMMAND" = stop ]; then finish xandikos; exit 0; fi
run xandikos "${CALPAIR_XANDIKOS:-xandikos}" serve -d "$DIR/data" -l 127.0.0.1 -p "$PORT" \
  --current-user-principal /alice/ --defaults --no-detect-systemd
watch_owner
await xandikos /
calendar alice alicepw /alice/calendars/home/
calendar alice alicepw /alice/calendars/work/
