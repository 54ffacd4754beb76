#!/bin/bash
# DAViCal 1.1: keeps bytes, accepts duplicate UIDs, answers a refused token with everything.
# Debian: davical postgresql php-cli php-pgsql php-xml; needs root.
# Nothing below /etc is touched: the program is copied and its place of configuration rewritten.
. "$(dirname "$0")/common.sh"

if [ "$COMMAND" = stop ]; then finish davical; database stop; exit 0; fi
reachable postgres
database start

create_users() {
  for user in alice bob; do
    psql -qX -U davical_dba davical <<Q
INSERT INTO usr(username, active, email_ok, password, fullname, email)
  VALUES ('$user', true, now(), '**${user}pw', '$user', '$user@example.com');
INSERT INTO principal(type_id, user_no, displayname, default_privileges)
  SELECT 1, user_no, '$user',
    privilege_to_bits(ARRAY['read-free-busy', 'schedule-send', 'schedule-deliver'])
  FROM usr WHERE username = '$user';
Q
  done
}

create_database() {
  local share=/usr/share/davical/dba
  psql -qXc "CREATE USER davical_dba" -c "CREATE USER davical_app" template1
  createdb --encoding UTF8 --template template0 --owner davical_dba davical
  export PGOPTIONS=--client-min-messages=error
  for script in /usr/share/awl/dba/awl-tables.sql /usr/share/awl/dba/schema-management.sql \
    $share/davical.sql $share/caldav_functions.sql $share/rrule_functions.sql; do
    (cd $share && psql -qXAt -U davical_dba -f "$script" davical)
  done >"$DIR/schema.log" 2>&1
  for script in $share/views/*.sql $share/base-data.sql; do
    (cd $share && psql -qXAt -U davical_dba -f "$script" davical)
  done >>"$DIR/schema.log" 2>&1
  psql -qX -U davical_dba davical -c "GRANT USAGE ON SCHEMA public TO davical_app" \
    -c "GRANT ALL ON ALL TABLES IN SCHEMA public TO davical_app" \
    -c "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO davical_app"
  create_users
}

if [ "$FRESH" = 1 ]; then create_database; fi
mkdir -p "$DIR/etc" "$DIR/locale"
cp -r /usr/share/davical/htdocs /usr/share/davical/inc "$DIR/"
sed -i "s#'/etc/davical/#'$DIR/etc/#g; s#/usr/share/davical/inc#$DIR/inc#g" "$DIR/htdocs/always.php"
cat >"$DIR/etc/config.php" <<P
<?php
\$c->pg_connect[] = "host=$DIR/sock port=$PGPORT dbname=davical user=davical_app";
\$c->domain_name = "127.0.0.1";
\$c->admin_email = 'root@localhost';
\$c->enable_auto_schedule = false;
\$c->local_tzid = 'UTC';
P
cat >"$DIR/router.php" <<P
<?php // PHP's own server does not fill these in the way DAViCal expects.
chdir('$DIR/htdocs');
\$path = parse_url(\$_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (\$path === '/.well-known/caldav') {
  header('Location: /caldav.php/', true, 301);
  return true;
}
if (preg_match('#^/caldav\.php(/.*)?\$#', \$path, \$found)) {
  \$_SERVER['SCRIPT_NAME'] = '/caldav.php';
  \$_SERVER['PATH_INFO'] = rawurldecode(\$found[1] ?? '/');
  \$_SERVER['SCRIPT_FILENAME'] = '$DIR/htdocs/caldav.php';
  require '$DIR/htdocs/caldav.php';
  return true;
}
return false;
P
export PHP_CLI_SERVER_WORKERS=4
run davical php -d error_reporting='E_ALL & ~E_DEPRECATED & ~E_NOTICE & ~E_WARNING' \
  -d display_errors=0 -d log_errors=1 -d error_log="$DIR/php-error.log" \
  -d include_path=".:/usr/share/awl/inc:$DIR/inc" -S "127.0.0.1:$PORT" -t "$DIR/htdocs" \
  "$DIR/router.php"
watch_owner
await davical /
calendar bob bobpw /caldav.php/bob/work/
calendar alice alicepw /caldav.php/alice/home/
calendar alice alicepw /caldav.php/alice/work/
