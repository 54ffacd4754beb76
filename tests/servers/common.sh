# What every server script here shares; sourced, not run.
#
# A script is called `NAME.sh start|stop DIR PORT`. Everything it makes lies in DIR, everything it
# opens listens on 127.0.0.1 at PORT (some take PORT+1 and PORT+2 too), so two instances run side
# by side. `start` returns when the server answers and prints one line per calendar,
#     URL USER PASSWORD
# alice's calendar `work` last. `stop` returns when nothing is left. With CALPAIR_OWNER=PID the
# server also stops by itself when that process is gone, however it went.
# DIR must be reachable for other users where the server runs as one (cyrus, postgres, sogo).
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SELF=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
COMMAND=${1:-}
DIR=${2:-}
PORT=${3:-}
case $COMMAND in
  start | stop) ;;
  *) echo "usage: $(basename "$0") start|stop DIR PORT" >&2; exit 2 ;;
esac
[ -n "$DIR" ] && [ -n "$PORT" ] || { echo "usage: $(basename "$0") $COMMAND DIR PORT" >&2; exit 2; }
mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
BASE=http://127.0.0.1:$PORT
if [ "$COMMAND" = start ]; then
  # What still runs in DIR makes way; what it stored stays.
  if compgen -G "$DIR/*.pid" >/dev/null; then "$SELF" stop "$DIR" "$PORT"; fi
  for port in "$PORT" $((PORT + 1)) $((PORT + 2)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "port $port is taken" >&2
      exit 1
    fi
  done
  # A start that fails leaves nothing running.
  trap 'code=$?; [ "$code" = 0 ] || "$SELF" stop "$DIR" "$PORT" || true; exit "$code"' EXIT
fi

# born PID: when the process began, in ticks since boot; with the PID it is one process for sure.
born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# run NAME COMMAND...: in the background, in a process group of its own, output to DIR/NAME.log.
run() {
  local name=$1
  shift
  setsid "$@" >"$DIR/$name.log" 2>&1 </dev/null &
  echo "$! $(born $!)" >"$DIR/$name.pid"
}

# alive NAME: whether what `run NAME` started still runs.
alive() {
  local pid since
  read -r pid since 2>/dev/null <"$DIR/$1.pid" && [ -n "$since" ] && [ "$(born "$pid")" = "$since" ]
}

# running GROUP: whether the process group has a member that is no zombie.
running() {
  cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' |
    awk -v group="$1" '$3 == group && $1 != "Z" { found = 1 } END { exit !found }'
}

# halt NAME: ends the process group of `run NAME`, kindly first, by force after GRACE tenths of a
# second.
GRACE=50
halt() {
  local pid since
  if alive "$1"; then
    read -r pid since <"$DIR/$1.pid"
    kill -TERM -- "-$pid" 2>/dev/null || true
    for _ in $(seq "$GRACE"); do
      running "$pid" || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$DIR/$1.pid"
}

# await NAME PATH: until the server answers anything at PATH; gives up after 20 seconds.
await() {
  for _ in $(seq 200); do
    curl -s -o /dev/null --max-time 5 "$BASE$2" && return 0
    alive "$1" || break
    sleep 0.1
  done
  echo "$1 does not answer on port $PORT; the end of its log:" >&2
  tail -n 20 "$DIR/$1.log" >&2
  exit 1
}

# calendar USER PASSWORD PATH: makes the calendar if it isn't there, and prints its line.
calendar() {
  local code
  code=$(curl -s -o /dev/null -w '%{http_code}' -u "$1:$2" -X MKCALENDAR "$BASE$3")
  case $code in
    20?) ;;
    *) exists "$@" || { echo "MKCALENDAR $3 answers $code" >&2; exit 1; } ;;
  esac
  echo "$BASE$3 $1 $2"
}

# exists USER PASSWORD PATH: whether it is there (Xandikos says 207 and, inside, 404 when not).
exists() {
  local wanted='<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>'
  curl -s -u "$1:$2" -X PROPFIND -H 'Depth: 0' -H 'Content-Type: application/xml' -d "$wanted" \
    "$BASE$3" | grep -q ' 200 '
}

# as USER COMMAND...: with that user's rights and no others.
as() {
  local user=$1
  shift
  (cd / && setpriv --reuid="$user" --regid="$(id -gn "$user")" --clear-groups \
    env HOME="$DIR" PATH="$PATH" "$@")
}

# reachable USER: says so when USER can't come as far as DIR.
reachable() {
  chmod 755 "$DIR"
  as "$1" test -x "$DIR" && return 0
  echo "the user $1 can't reach $DIR; choose a folder below one that everybody may enter" >&2
  exit 1
}

# database start|stop: PostgreSQL of its own in DIR/pg, on the socket in DIR and on port PORT+1 of
# loopback; `start` leaves FRESH=1 when it is new.
FRESH=0
database() {
  local bin
  bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
  if [ "$1" = stop ]; then
    as postgres "$bin/pg_ctl" -D "$DIR/pg" -m immediate -w stop >/dev/null 2>&1 || true
    return 0
  fi
  mkdir -p "$DIR/pg" "$DIR/sock"
  chown postgres "$DIR/pg" "$DIR/sock"
  chmod 700 "$DIR/pg"
  if [ ! -f "$DIR/pg/PG_VERSION" ]; then
    as postgres "$bin/initdb" -D "$DIR/pg" -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
      >"$DIR/initdb.log"
    FRESH=1
  fi
  as postgres "$bin/pg_ctl" -D "$DIR/pg" -w -l "$DIR/sock/postgres.log" \
    -o "-p $((PORT + 1)) -k $DIR/sock -c listen_addresses=127.0.0.1 -c fsync=off \
      -c dynamic_shared_memory_type=mmap" \
    start >/dev/null </dev/null
  export PGHOST=$DIR/sock PGPORT=$((PORT + 1)) PGUSER=postgres
}

# watch_owner: stops this server when the process CALPAIR_OWNER is gone.
watch_owner() {
  [ -n "${CALPAIR_OWNER:-}" ] || return 0
  run owner bash -c 'while kill -0 "$1" 2>/dev/null; do sleep 1; done
    rm -f "$3/owner.pid"; exec "$2" stop "$3" "$4"' owner "$CALPAIR_OWNER" "$SELF" "$DIR" "$PORT"
}

# finish NAME...: the whole of `stop` for a server without a database.
finish() {
  for name in "$@" owner; do halt "$name"; done
}
