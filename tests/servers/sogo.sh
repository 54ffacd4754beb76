#!/bin/bash
# SOGo 5.8: ignores If-None-Match and a stale If-Match on DELETE; its tokens are whole seconds.
# Debian: sogo memcached postgresql; needs root.
# The configuration is mounted over /etc/sogo/sogo.conf in a mount namespace of the server's own.
. "$(dirname "$0")/common.sh"

GRACE=3 # It would finish its keep-alive connections first; what it keeps is PostgreSQL's.
if [ "$COMMAND" = stop ]; then finish sogo memcached; database stop; exit 0; fi
reachable sogo
database start
mkdir -p "$DIR/home" "$DIR/spool" "$DIR/run"
chown sogo "$DIR/home" "$DIR/spool" "$DIR/run"
if [ "$FRESH" = 1 ]; then
  psql -qX -c "CREATE USER sogo" -c "CREATE DATABASE sogo OWNER sogo" postgres
  psql -qX -U sogo sogo <<'Q'
CREATE TABLE sogo_users(c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text);
INSERT INTO sogo_users VALUES
  ('alice', 'alice', 'alicepw', 'Alice', 'alice@example.com'),
  ('bob', 'bob', 'bobpw', 'Bob', 'bob@example.com');
Q
fi
store=postgresql://sogo:x@127.0.0.1:$PGPORT/sogo
cat >"$DIR/sogo.conf" <<C
{
  WOPort = "127.0.0.1:$PORT";
  WOWorkersCount = 3;
  WOPidFile = "$DIR/run/sogod.pid";
  WOLogFile = "-";
  WONoDetach = YES;
  SOGoProfileURL = "$store/sogo_user_profile";
  OCSFolderInfoURL = "$store/sogo_folder_info";
  OCSSessionsFolderURL = "$store/sogo_sessions_folder";
  OCSEMailAlarmsFolderURL = "$store/sogo_alarms_folder";
  SOGoMemcachedHost = "127.0.0.1:$((PORT + 2))";
  SOGoTimeZone = UTC;
  SOGoMailDomain = example.com;
  SOGoIMAPServer = "imap://127.0.0.1:1/";
  SOGoAppointmentSendEMailNotifications = NO;
  SOGoMaximumFailedLoginCount = 0;
  SOGoMailSpoolPath = "$DIR/spool";
  SOGoUserSources = (
    { type = sql; id = users; viewURL = "$store/sogo_users"; canAuthenticate = YES;
      isAddressBook = NO; userPasswordAlgorithm = plain; }
  );
}
C
chmod 644 "$DIR/sogo.conf"
run memcached memcached -u nobody -l 127.0.0.1 -p "$((PORT + 2))" -m 32
run sogo unshare --mount --propagation private bash -c '
  mount --bind "$1/sogo.conf" /etc/sogo/sogo.conf
  exec setpriv --reuid=sogo --regid=sogo --clear-groups \
    env HOME="$1/home" LC_ALL=C.UTF-8 /usr/sbin/sogod -WONoDetach YES' sogo "$DIR"
watch_owner
await sogo /SOGo/
# The first look at a home makes its calendar `personal`.
for user in alice bob; do
  curl -s -o /dev/null -u "$user:${user}pw" -X PROPFIND -H 'Depth: 1' "$BASE/SOGo/dav/$user/Calendar/"
done
calendar bob bobpw /SOGo/dav/bob/Calendar/work/
calendar alice alicepw /SOGo/dav/alice/Calendar/personal/
calendar alice alicepw /SOGo/dav/alice/Calendar/work/
