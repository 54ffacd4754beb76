#!/bin/bash
# sabre/dav 1.8 on SQLite and PHP's own server: a legacy peer, ctag only, no sync-collection.
# Debian: php-sabre-dav php-cli php-sqlite3 php-xml php-mbstring sqlite3
. "$(dirname "$0")/common.sh"

if [ "$COMMAND" = stop ]; then finish sabredav; exit 0; fi
cat >"$DIR/index.php" <<'P'
<?php
date_default_timezone_set('UTC');
$passwords = ['alice' => 'alicepw', 'bob' => 'bobpw'];
$new = !file_exists(__DIR__ . '/db.sqlite');
$pdo = new PDO('sqlite:' . __DIR__ . '/db.sqlite');
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
if ($new) {
  foreach (['calendars', 'principals', 'users', 'locks'] as $table)
    $pdo->exec(file_get_contents("/usr/share/doc/php-sabre-dav/examples/sql/sqlite.$table.sql"));
  foreach ($passwords as $user => $password) {
    foreach (['', '/calendar-proxy-read', '/calendar-proxy-write'] as $proxy)
      $pdo->exec("INSERT INTO principals(uri, email, displayname)
        VALUES ('principals/$user$proxy', '$user@example.com', '$user')");
    foreach (['home', 'work'] as $name)
      $pdo->exec("INSERT INTO calendars(principaluri, displayname, uri, ctag, components, transparent)
        VALUES ('principals/$user', '$name', '$name', 1, 'VEVENT,VTODO', 0)");
  }
}
require_once 'Sabre/autoload.php';
class Basic extends \Sabre\DAV\Auth\Backend\AbstractBasic {
  protected function validateUserPass($user, $password) {
    global $passwords;
    return ($passwords[$user] ?? null) === $password;
  }
}
$calendars = new \Sabre\CalDAV\Backend\PDO($pdo);
$principals = new \Sabre\DAVACL\PrincipalBackend\PDO($pdo);
$server = new \Sabre\DAV\Server([
  new \Sabre\CalDAV\Principal\Collection($principals),
  new \Sabre\CalDAV\CalendarRootNode($principals, $calendars),
]);
$server->setBaseUri('/');
$server->addPlugin(new \Sabre\DAV\Auth\Plugin(new Basic(), 'SabreDAV'));
$server->addPlugin(new \Sabre\DAVACL\Plugin());
$server->addPlugin(new \Sabre\CalDAV\Plugin());
$server->exec();
P
run sabredav php -d error_reporting='E_ALL & ~E_DEPRECATED & ~E_NOTICE & ~E_WARNING' \
  -d display_errors=0 -S "127.0.0.1:$PORT" "$DIR/index.php"
watch_owner
await sabredav /
calendar bob bobpw /calendars/bob/work/
calendar alice alicepw /calendars/alice/home/
calendar alice alicepw /calendars/alice/work/
