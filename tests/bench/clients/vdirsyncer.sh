#!/bin/bash
# vdirsyncer 0.21 (VDIRSYNCER). setup: configuration and discover. sync: one whole sync.
set -euo pipefail
config=$STATE/config
case $1 in
  setup)
    cat >"$config" <<X
[general]
status_path = "$STATE/status/"
[pair p]
a = "a"
b = "b"
collections = [["bench", "$COLL", "$COLL"]]
conflict_resolution = "a wins"
[storage a]
type = "caldav"
url = "$A_HOME"
username = "$A_USER"
password = "$A_PASS"
[storage b]
type = "caldav"
url = "$B_HOME"
username = "$B_USER"
password = "$B_PASS"
X
    exec "$VDIRSYNCER" -c "$config" discover p
    ;;
  sync) exec "$VDIRSYNCER" -v ERROR -c "$config" sync p ;;
esac
