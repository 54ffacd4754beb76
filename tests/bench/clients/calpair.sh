#!/bin/bash
# calpair as a whole process: one `calpair sync` (CALPAIR_BIN). setup: configuration and connect.
set -euo pipefail
config=$STATE/calpair.toml
case $1 in
  setup)
    mkdir -p "$STATE/state"
    chmod 700 "$STATE/state"
    cat >"$config" <<X
[daemon]
state_dir = "$STATE/state"
listen = "off"
[accounts.a]
provider = "caldav"
url = "$A_HOME"
username = "$A_USER"
[accounts.b]
provider = "caldav"
url = "$B_HOME"
username = "$B_USER"
[[pairs]]
name = "p"
window = "all"
left = { account = "a", calendar = "$A_URL" }
right = { account = "b", calendar = "$B_URL" }
X
    printf '%s\n' "$A_PASS" | "$CALPAIR_BIN" --config "$config" connect a --password-stdin
    printf '%s\n' "$B_PASS" | "$CALPAIR_BIN" --config "$config" connect b --password-stdin
    ;;
  sync) exec "$CALPAIR_BIN" --config "$config" sync ;;
esac
