#!/bin/bash
# Cyrus 3.6: the strict peer, fast and close to the RFCs. Runs as the user cyrus; needs root.
# Debian: cyrus-caldav cyrus-imapd cyrus-clients sasl2-bin python3 tzdata
# A pair needs both users: a UID with an ORGANIZER may exist once per user.
. "$(dirname "$0")/common.sh"

if [ "$COMMAND" = stop ]; then finish cyrus; exit 0; fi
reachable cyrus
mkdir -p "$DIR"/{conf/db,conf/socket,spool,run/proc,run/lock,run/socket}
cat >"$DIR/imapd.conf" <<C
configdirectory: $DIR/conf
proc_path: $DIR/run/proc
mboxname_lockpath: $DIR/run/lock
defaultpartition: default
partition-default: $DIR/spool
unixhierarchysep: yes
altnamespace: no
admins: cyrus
servername: localhost
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $DIR/sasldb2
sasl_mech_list: PLAIN LOGIN
httpmodules: caldav
httpallowcompress: no
caldav_realm: cyrus
caldav_historical_age: -1
caldav_create_default: yes
virtdomains: off
idlesocket: $DIR/run/socket/idle
notifysocket: $DIR/run/socket/notify
lmtpsocket: $DIR/run/socket/lmtp
annotation_db: skiplist
C
cat >"$DIR/cyrus.conf" <<C
START { recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C $DIR/imapd.conf -r" }
SERVICES {
  imap cmd="/usr/lib/cyrus/bin/imapd -C $DIR/imapd.conf" listen="127.0.0.1:$((PORT + 1))" prefork=0 maxchild=5
  http cmd="/usr/lib/cyrus/bin/httpd -C $DIR/imapd.conf" listen="127.0.0.1:$PORT" prefork=1 maxchild=20
}
EVENTS { checkpoint cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C $DIR/imapd.conf -c" period=30 }
C
for user in cyrus alice bob; do
  printf %s "${user}pw" | saslpasswd2 -p -c -u localhost -f "$DIR/sasldb2" "$user"
done
chown -R cyrus:mail "$DIR"/{conf,spool,run,sasldb2,imapd.conf,cyrus.conf}
run cyrus setpriv --reuid=cyrus --regid=mail --clear-groups env HOME="$DIR" \
  /usr/lib/cyrus/bin/master -C "$DIR/imapd.conf" -M "$DIR/cyrus.conf" -p "$DIR/run/master.pid"
watch_owner
await cyrus /
# A user's calendars hang below an INBOX, which only IMAP can make.
python3 - "$((PORT + 1))" <<'P'
import imaplib
import sys

admin = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
admin.login("cyrus", "cyruspw")
for user in ("alice", "bob"):
    admin.create(f"user/{user}")
admin.logout()
P
# The first look at a home makes it.
for user in alice bob; do
  curl -s -o /dev/null -u "$user:${user}pw" -X PROPFIND -H 'Depth: 0' \
    "$BASE/dav/calendars/user/$user/"
done
calendar bob bobpw /dav/calendars/user/bob/work/
calendar alice alicepw /dav/calendars/user/alice/home/
calendar alice alicepw /dav/calendars/user/alice/work/
