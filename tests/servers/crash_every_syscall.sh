#!/bin/bash
# Kills (or fails) a command at its Nth call of each durable or network system call, for every N,
# then recovers and checks. Knows nothing of the command. Debian: strace.
#
# usage: CHECK=check.sh [RESET=reset.sh] [RECOVER=recover.sh] [SYSCALLS=write,fsync,...]
#        [INJECT=signal=KILL|error=ENOSPC|error=EIO] crash_every_syscall.sh FROM TO STEP -- COMMAND...
#
# RESET puts the world back before each try, RECOVER is what an operator would do after the crash
# (a second run, usually), CHECK exits 0 when all is well. With SHARD=K/M only every Mth try, from
# the Kth (0..M-1) on, so that several can run side by side. A system call is done when the command
# comes to its end without meeting its Nth.
set -u
from=$1 to=$2 step=$3
shift 4
usual=write,writev,pwrite64,fsync,fdatasync,ftruncate,rename,unlink,mkdir,connect,sendto,recvfrom
calls=${SYSCALLS:-$usual}
inject=${INJECT:-signal=KILL}
shard=${SHARD:-0/1}
failures=0
tried=0
# strace counts each system call by itself, so each is gone through by itself.
for call in ${calls//,/ }; do
  for n in $(seq $((from + step * ${shard%/*})) $((step * ${shard#*/})) "$to"); do
    if [ -n "${RESET:-}" ] && ! "$RESET" >/dev/null 2>&1; then
      echo "$call $n: the reset failed"
      exit 2
    fi
    timeout 120 strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:$inject:when=$n" \
      "$@" >/dev/null 2>&1 </dev/null
    code=$?
    tried=$((tried + 1))
    [ -n "${RECOVER:-}" ] && "$RECOVER" >/dev/null 2>&1
    if ! said=$("$CHECK" 2>&1); then
      failures=$((failures + 1))
      echo "FAIL $call $n exit=$code: $said"
    fi
    if [ "$code" = 0 ] && [ "$inject" = signal=KILL ]; then
      echo "$call: the command ends before call $n"
      break
    fi
  done
done
echo "calls tried: $tried, failures: $failures"
[ "$failures" = 0 ]
