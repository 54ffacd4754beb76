//! What a server says to whom: discovery, reports, writes, refusals, faults.

use super::*;

#[test]
fn icloud_is_found_from_the_root() {
    let fixture = fixture(Profile::icloud());
    let principal = find_body("<d:current-user-principal/>");
    let answer = fixture.ask("PROPFIND", "/", &[("depth", "0")], &principal);
    let path = every(&root(&answer), DAV, "href")[1].text.trim().to_owned();
    let home = find_body("<c:calendar-home-set/><d:nonsense/>");
    let answer = fixture.ask("PROPFIND", &path, &[("depth", "0")], &home);
    let found = root(&answer);
    // quirk: icloud-9, icloud-16
    let home = every(&every(&found, CALDAV, "calendar-home-set")[0].clone(), DAV, "href")[0]
        .text
        .trim()
        .to_owned();
    assert!(home.starts_with("http://p42:2/") && home.ends_with("/calendars/"), "{home}");
    assert_eq!(every(&found, DAV, "nonsense").len(), 1);
    // quirk: icloud-44
    let deep = fixture.ask("PROPFIND", &path, &[("depth", "1")], &principal);
    assert_eq!(deep.status, 400);
    let home = home.trim_start_matches("http://p42:2");
    let names = find_body("<d:resourcetype/><d:displayname/><cs:getctag/><d:sync-token/>");
    let answer = fixture.ask_at(1, "PROPFIND", home, &[("depth", "1")], &names);
    // quirk: icloud-18, icloud-22
    let all = root(&answer);
    assert_eq!(every(&all, DAV, "response").len(), 1 + 1 + 3 + 1);
    assert_eq!(every(&all, CALDAV, "calendar").len(), 2);
    assert!(every(&all, SERVER, "getctag").len() >= 2);
}

#[test]
fn a_plain_server_is_found_by_its_well_known_address() {
    let fixture = fixture(Profile::plain());
    let answer = fixture.ask("PROPFIND", "/.well-known/caldav", &[("depth", "0")], "");
    assert_eq!((answer.status, header(&answer, "Location")), (301, Some("http://first:1/dav/")));
    let principal = find_body("<d:current-user-principal/>");
    let answer = fixture.ask("PROPFIND", "/dav/", &[("depth", "0")], &principal);
    assert_eq!(every(&root(&answer), DAV, "href")[1].text.trim(), "/dav/principals/sam/");
}

#[test]
fn a_wrong_password_meets_two_challenges_in_one_line() {
    let fixture = fixture(Profile::icloud());
    let wrong = format!("Basic {}", STANDARD.encode("sam@example.com:no"));
    let answer = fixture.ask("PROPFIND", "/", &[("authorization", &wrong)], "");
    // quirk: icloud-1
    let challenges = header(&answer, "WWW-Authenticate").unwrap();
    assert_eq!(answer.status, 401);
    assert!(challenges.starts_with("X-MobileMe-AuthToken") && challenges.contains(", Basic realm"));
    assert!(answer.body.is_empty());
    // quirk: icloud-3
    fixture.world.revoke("sam");
    assert_eq!(fixture.sync("").status, 401);
    fixture.world.restore("sam");
    fixture.world.revoke_after("sam", 1);
    assert_eq!([(); 3].map(|()| fixture.sync("").status), [207, 401, 401]);
}

#[test]
fn throttling_turns_into_unauthorized_for_a_while() {
    let fixture = fixture(Profile::icloud());
    let minute = Duration::from_secs(60);
    fixture.world.throttle(
        "sam",
        Some(Throttle {
            requests: 1,
            window: minute,
            retry_after: Some(Duration::from_secs(1)),
            refusals: 1,
            penalty: minute,
        }),
    );
    let answers: Vec<Answer> = (0..4).map(|_| fixture.sync("")).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    // quirk: icloud-2, icloud-4
    assert_eq!(statuses, [207, 503, 401, 401]);
    assert_eq!(header(&answers[1], "Retry-After"), Some("1"));
}

#[test]
fn what_a_sync_report_says() {
    let fixture = fixture(Profile::icloud());
    fixture.world.user(&fixture.calendar).put("one.ics", EVENT.as_bytes());
    let first = fixture.sync("");
    // quirk: icloud-24
    let expected = [("", "HTTP/1.1 200 OK"), ("one.ics", "HTTP/1.1 200 OK")];
    let expected = expected.map(|(name, status)| (name.to_owned(), status.to_owned()));
    assert_eq!(responses(&first), expected);
    let quiet = fixture.sync(&token(&first));
    assert_eq!((responses(&quiet).len(), token(&quiet)), (1, token(&first)));
    fixture.world.user(&fixture.calendar).delete("a");
    let gone = fixture.sync(&token(&first));
    // quirk: icloud-26
    assert_eq!(responses(&gone)[1], ("one.ics".to_owned(), "HTTP/1.1 404".to_owned()));
    assert_eq!(responses(&fixture.sync("")).len(), 1);
}

#[test]
fn every_refusal_of_a_token() {
    // quirk: icloud-28, icloud-29, icloud-30
    for (refusal, status, named) in [
        (TokenRefusal::Stated(403), 403, true),
        (TokenRefusal::Stated(412), 412, true),
        (TokenRefusal::Bare(403), 403, false),
        (TokenRefusal::Bare(410), 410, false),
        (TokenRefusal::SilentFull, 207, false),
    ] {
        let profile = Profile { tokens: Tokens::Sync(refusal), ..Profile::plain() };
        let fixture = fixture(profile);
        fixture.world.user(&fixture.calendar).put("one.ics", EVENT.as_bytes());
        let old = token(&fixture.sync(""));
        fixture.world.expire_cursors(&fixture.calendar);
        for token in [old.as_str(), "garbage"] {
            let answer = fixture.sync(token);
            assert_eq!(answer.status, status, "{refusal:?}");
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(text.contains("valid-sync-token"), named, "{refusal:?}");
        }
    }
}

#[test]
fn limits_of_a_sync_report() {
    let many = |profile: Profile| {
        let fixture = fixture(profile);
        for name in ["1", "2", "3"] {
            let text = EVENT.replace("UID:a", &format!("UID:{name}"));
            fixture.world.user(&fixture.calendar).put(&format!("{name}.ics"), text.as_bytes());
        }
        fixture
    };
    let limited = sync_body("", "<d:limit><d:nresults>2</d:nresults></d:limit>");
    let report = |fixture: &Fixture, body: &str| {
        fixture.ask("REPORT", &fixture.path, &[("depth", "0")], body)
    };
    // quirk: icloud-33
    let fixture = many(Profile::plain());
    let first = report(&fixture, &limited);
    assert_eq!(responses(&first)[2].1, "HTTP/1.1 507");
    assert_eq!(responses(&fixture.sync(&token(&first))).len(), 1);
    // quirk: icloud-23, icloud-34, icloud-35
    assert_eq!(responses(&report(&many(Profile::icloud()), &limited)).len(), 4);
    let fixture = many(Profile::xandikos());
    let first = report(&fixture, &limited);
    assert_eq!((responses(&first).len(), responses(&fixture.sync(&token(&first))).len()), (2, 0));
    let refusing = many(Profile::plain().with(Quirk::RefusedLimit));
    assert_eq!(report(&refusing, &limited).status, 507);
}

#[test]
fn a_multiget_answers_for_each_address() {
    let body = |path: &str| {
        format!(
            "<c:calendar-multiget xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\">\
             <d:prop><d:getetag/><c:calendar-data/></d:prop><d:href>{path}one.ics</d:href>\
             <d:href>{path}ghost.ics</d:href></c:calendar-multiget>"
        )
    };
    // quirk: icloud-36, icloud-39
    for (profile, status, count) in [
        (Profile::icloud(), 207, 2),
        (Profile::davical(), 207, 1),
        (Profile::sabre(), 404, 0),
        (Profile::zoho(), 207, 0),
    ] {
        let fixture = fixture(profile);
        fixture.world.user(&fixture.calendar).put("one.ics", EVENT.as_bytes());
        let headers = [("depth", "1")];
        let answer = fixture.ask("REPORT", &fixture.path, &headers, &body(&fixture.path));
        assert_eq!(answer.status, status);
        if status == 207 {
            assert_eq!(responses(&answer).len(), count);
        }
        if count > 0 {
            let text = every(&root(&answer), CALDAV, "calendar-data")[0].text.replace('\r', "");
            assert_eq!(text.trim(), EVENT.replace('\r', "").trim());
        }
    }
}

#[test]
fn conditions_of_a_put() {
    let fixture = fixture(Profile::icloud());
    let put = |condition: (&str, &str)| fixture.put("one.ics", condition, EVENT).status;
    assert_eq!(put(("if-match", "\"never\"")), 412);
    assert_eq!(put(("if-none-match", "*")), 201);
    assert_eq!(put(("if-none-match", "*")), 412);
    // quirk: icloud-51, icloud-52
    assert_eq!(put(("if-match", "*")), 412);
    assert_eq!(put(("", "")), 412);
    let stated = put(("if-match", &fixture.version()));
    assert_eq!(stated, 204);
}

#[test]
fn a_put_is_rewritten_after_its_answer() {
    let fixture = fixture(Profile::icloud());
    let answer = fixture.put("one.ics", ("if-none-match", "*"), EVENT);
    // quirk: icloud-54, icloud-55
    assert_ne!(header(&answer, "ETag"), Some(fixture.version().as_str()));
    let raw = String::from_utf8(fixture.world.held(&fixture.calendar).remove(0).raw).unwrap();
    assert!(raw.contains("X-APPLE-") && raw.contains("SUMMARY:One"));
}

#[test]
fn a_uid_elsewhere_in_the_home_is_refused() {
    // quirk: icloud-49
    for (profile, status) in
        [(Profile::icloud(), 412), (Profile::radicale(), 201), (Profile::davical(), 201)]
    {
        let fixture = fixture(profile);
        let other = fixture.world.add_calendar("sam", "Work");
        fixture.world.user(&other).put("there.ics", EVENT.as_bytes());
        assert_eq!(fixture.put("one.ics", ("if-none-match", "*"), EVENT).status, status);
    }
}

#[test]
fn deleting() {
    let fixture = fixture(Profile::icloud().with(Quirk::NoDeleteDepth));
    fixture.world.user(&fixture.calendar).put("one.ics", EVENT.as_bytes());
    let path = format!("{}one.ics", fixture.path);
    let delete = |headers: &[(&str, &str)]| fixture.ask("DELETE", &path, headers, "").status;
    let version = fixture.version();
    // quirk: icloud-62, icloud-63
    assert_eq!(delete(&[("if-match", &version), ("depth", "0")]), 400);
    assert_eq!(delete(&[("if-match", "\"old\"")]), 412);
    assert_eq!(delete(&[("if-match", &version)]), 204);
    assert_eq!(delete(&[("if-match", &version)]), 404);
    fixture.world.assert_no_collection_delete();
    fixture.world.assert_conditional_writes();
    fixture.world.assert_no_mail();
}

#[test]
fn queries() {
    let fixture = fixture(Profile::icloud());
    fixture.world.user(&fixture.calendar).put("one.ics", EVENT.as_bytes());
    let ask = |filter: &str| {
        let body = format!(
            "<c:calendar-query xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\"><d:prop>\
             <d:getetag/></d:prop><c:filter><c:comp-filter name=\"VCALENDAR\">{filter}\
             </c:comp-filter></c:filter></c:calendar-query>"
        );
        fixture.ask("REPORT", &fixture.path, &[("depth", "1")], &body)
    };
    let event = |inner: &str| format!("<c:comp-filter name=\"VEVENT\">{inner}</c:comp-filter>");
    // quirk: icloud-41, icloud-42
    assert_eq!(ask("").status, 400);
    assert_eq!(ask(&event("<c:prop-filter name=\"UID\"/>")).status, 412);
    assert_eq!(responses(&ask(&event(""))).len(), 1);
    let range = |start: &str| event(&format!("<c:time-range start=\"{start}\"/>"));
    // quirk: icloud-43
    for (start, count) in
        [("20260301T093000Z", 1), ("20260301T100000Z", 1), ("20260302T000000Z", 0)]
    {
        assert_eq!(every(&root(&ask(&range(start))), DAV, "response").len(), count, "{start}");
    }
}

#[test]
fn clumsy_requests_meet_the_edge() {
    let fixture = fixture(Profile::icloud());
    let body = format!("\n{}", find_body("<d:getetag/>"));
    let answer = fixture.ask("PROPFIND", "/", &[("depth", "0")], &body);
    let html = String::from_utf8_lossy(&answer.body).contains("<center>");
    assert!(answer.status == 400 && html);
    // quirk: icloud-25
    assert_eq!(fixture.ask("GET", &fixture.path, &[], "").fate, Fate::Dropped);
    // quirk: icloud-61
    assert_eq!(fixture.ask("MOVE", &format!("{}a.ics", fixture.path), &[], "").status, 412);
    let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
    assert_eq!(fixture.ask("PROPFIND", "/", &[("depth", "0")], bomb).status, 400);
    let away = fixture.path.replace("calendars/", "calendars/../");
    assert_eq!(fixture.ask("PROPFIND", &away, &[("depth", "0")], "").status, 404);
}

#[test]
fn redirects_and_partitions() {
    // quirk: icloud-6, icloud-7, icloud-8, icloud-10
    let redirected = fixture(Profile { redirect: Some(301), ..Profile::icloud() });
    let answer = redirected.ask("PROPFIND", "/", &[("depth", "0")], "");
    assert_eq!((answer.status, header(&answer, "Location")), (301, Some("http://p42:2/")));
    let evil = Some("http://127.0.0.2:9/".to_owned());
    let evil = fixture(Profile { evil_redirect: evil, ..Profile::icloud() });
    let answer = evil.ask("PROPFIND", "/", &[("depth", "0")], "");
    assert_eq!(header(&answer, "Location"), Some("http://127.0.0.2:9/"));
    let writes = fixture(Profile::icloud().with(Quirk::WriteRedirect));
    assert_eq!(writes.put("one.ics", ("if-none-match", "*"), EVENT).status, 302);
    let moved = fixture(Profile::icloud());
    moved.server.partition.store(1, Ordering::SeqCst);
    assert_eq!(moved.ask_at(1, "PROPFIND", "/", &[], "").fate, Fate::Dropped);
    assert_eq!(moved.ask_at(2, "OPTIONS", "/", &[], "").status, 200);
}

#[test]
fn faults_reach_the_wire() {
    // quirk: icloud-59, icloud-65, icloud-66, icloud-67, icloud-68, icloud-69, icloud-70
    for (fault, status, fate, held) in [
        (Fault::FailBefore, 500, Fate::Dropped, 0),
        (Fault::LostReply, 201, Fate::Dropped, 1),
        (Fault::RateLimited { retry_after: None }, 429, Fate::Delivered, 0),
        (Fault::OutOfOrder { retry_after: None }, 503, Fate::Delivered, 0),
        (Fault::WriteFails, 500, Fate::Delivered, 0),
        (Fault::Locked, 423, Fate::Delivered, 0),
        (Fault::RefusedOnce, 401, Fate::Delivered, 0),
        (Fault::Misdirected, 421, Fate::Delivered, 0),
        (Fault::Rejected, 403, Fate::Delivered, 0),
        (Fault::Html, 200, Fate::Delivered, 1),
        (Fault::Lag(2), 201, Fate::Delivered, 1),
    ] {
        let fixture = fixture(Profile::plain());
        fixture.world.plan(Aim::op(Op::Create), fault);
        let answer = fixture.put("one.ics", ("if-none-match", "*"), EVENT);
        assert_eq!((answer.status, answer.fate), (status, fate), "{fault:?}");
        assert_eq!(fixture.world.held(&fixture.calendar).len(), held, "{fault:?}");
        let listed = if matches!(fault, Fault::Lag(_)) { 0 } else { held };
        assert_eq!(every(&root(&fixture.sync("")), DAV, "response").len(), listed, "{fault:?}");
    }
    let home = fixture(Profile::plain());
    home.world.plan(Aim::op(Op::Calendars), Fault::EmptyListing);
    let list = || home.ask("PROPFIND", "/dav/calendars/sam/", &[("depth", "1")], "");
    assert_eq!([list(), list()].map(|a| every(&root(&a), DAV, "response").len()), [1, 2]);
}

#[test]
fn read_only_and_vanished_calendars() {
    let fixture = fixture(Profile::icloud());
    // quirk: icloud-20, icloud-21
    fixture.world.set_rights(&fixture.calendar, model::Rights::Read);
    assert_eq!(fixture.put("one.ics", ("if-none-match", "*"), EVENT).status, 403);
    fixture.world.set_gone(&fixture.calendar, Gone::Yes);
    assert_eq!(fixture.sync("").status, 404);
}
