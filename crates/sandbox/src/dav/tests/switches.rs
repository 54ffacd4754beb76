//! Each switch of a profile, on.

use super::*;

/// Two events, one of which has an odd name.
fn two(profile: Profile) -> Fixture {
    let fixture = fixture(profile);
    for name in ["one.ics", "a@b c.ics"] {
        let text = EVENT.replace("UID:a", &format!("UID:{name}"));
        fixture.world.user(&fixture.calendar).put(name, text.as_bytes());
    }
    fixture
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[test]
fn ways_of_writing_answers() {
    let report = |quirk: Quirk| text(&two(Profile::plain().with(quirk)).sync(""));
    // quirk: icloud-11, icloud-12, icloud-15, icloud-27, icloud-32
    let mixed = two(Profile::plain().with(Quirk::MixedAddresses));
    let mixed: Vec<String> = (0..3).map(|_| text(&mixed.sync(""))).collect();
    assert!(mixed.iter().any(|text| text.contains("<d:href>http://first:1/")));
    assert!(mixed.iter().any(|text| text.contains("<d:href>http://p42:2/")));
    assert!(mixed.iter().any(|text| text.contains("<d:href>/dav/")));
    let flipped = two(Profile::plain().with(Quirk::FlippedEncoding));
    let flipped: Vec<String> = (0..2).map(|_| text(&flipped.sync(""))).collect();
    assert!(flipped.iter().any(|text| text.contains("a@b%20c")));
    assert!(flipped.iter().any(|text| text.contains("a%40b%20c")));
    assert!(report(Quirk::BareStatus).contains("<d:propstat><d:status>HTTP/1.1 200</d:status>"));
    assert_eq!(report(Quirk::TwiceListed).matches("one.ics").count(), 2);
    assert!(!report(Quirk::OmittedToken).contains("sync-token"));
    // quirk: icloud-17
    let split = two(Profile::plain().with(Quirk::SplitProperties));
    let names = find_body("<d:displayname/><d:resourcetype/>");
    let answer = split.ask("PROPFIND", &split.path, &[("depth", "0")], &names);
    assert_eq!(text(&answer).matches("HTTP/1.1 200 OK").count(), 2);
    // quirk: icloud-13, icloud-14
    let apple = text(&two(Profile::icloud()).sync(""));
    assert!(apple.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\n"));
    assert!(apple.contains("<getetag xmlns=\"DAV:\">"), "{apple}");
}

#[test]
fn tokens_and_tags_that_lie() {
    // quirk: icloud-31, icloud-60
    let stuck = two(Profile::plain().with(Quirk::StuckToken));
    let before = token(&stuck.sync(""));
    stuck.world.user(&stuck.calendar).set("one.ics", "SUMMARY", "Two");
    assert_eq!(token(&stuck.sync("")), before);
    let lagging = two(Profile::plain().with(Quirk::LaggingTag));
    let tag = || {
        let names = find_body("<cs:getctag/>");
        text(&lagging.ask("PROPFIND", &lagging.path, &[("depth", "0")], &names))
    };
    let tags: Vec<String> = (0..2)
        .map(|_| {
            lagging.world.user(&lagging.calendar).churn("one.ics");
            tag()
        })
        .collect();
    let held = lagging.world.state();
    let seq = held.calendars["sam/family"].seq;
    let lie = lagging.server.opaque(&format!("tag:1:{}", seq - 1));
    assert!(tags[1].contains(&lie) && tags[0] != tags[1]);
}

#[test]
fn forms_of_versions() {
    // quirk: icloud-53, icloud-58
    for (style, stated) in [
        (VersionStyle::Quoted, "\""),
        (VersionStyle::WeakOnPut, "W/\""),
        (VersionStyle::Unquoted, "m"),
    ] {
        let profile = Profile { version_style: style, ..Profile::plain() };
        let fixture = fixture(profile);
        let answer = fixture.put("one.ics", ("if-none-match", "*"), EVENT);
        let version = header(&answer, "ETag").unwrap().to_owned();
        assert!(version.starts_with(stated), "{version}");
        let again = fixture.put("one.ics", ("if-match", &version), EVENT).status;
        assert_eq!(again, if style == VersionStyle::WeakOnPut { 412 } else { 204 });
    }
    let silent = fixture(Profile { put_version: PutVersion::Never, ..Profile::plain() });
    let answer = silent.put("one.ics", ("if-none-match", "*"), EVENT);
    assert_eq!((answer.status, header(&answer, "ETag")), (201, None));
    let verbatim = fixture(Profile { put_version: PutVersion::Verbatim, ..Profile::icloud() });
    let answer = verbatim.put("one.ics", ("if-none-match", "*"), EVENT);
    assert_eq!((answer.status, header(&answer, "ETag")), (201, None));
}

#[test]
fn multigets_that_hold_back() {
    let body = |path: &str, part: &str| {
        format!(
            "<c:calendar-multiget xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\">\
             <d:prop><c:calendar-data>{part}</c:calendar-data></d:prop><d:href>{path}one.ics\
             </d:href><d:href>{path}a@b%20c.ics</d:href><d:href>{path}one.ics</d:href>\
             </c:calendar-multiget>"
        )
    };
    let ask = |fixture: &Fixture, part: &str| {
        let answer = fixture.ask("REPORT", &fixture.path, &[], &body(&fixture.path, part));
        responses(&answer)
    };
    // quirk: icloud-37, icloud-38, icloud-40
    let patchy = two(Profile::plain().with(Quirk::PatchyMultiget));
    assert_eq!(ask(&patchy, "")[1].0, "one.ics");
    let mut late = Profile::plain();
    late.habits.data_lag = 1;
    let late = two(late);
    assert_eq!(ask(&late, "")[0].1, "HTTP/1.1 404");
    assert_eq!(ask(&late, "")[0].1, "HTTP/1.1 200 OK");
    let hollow = two(Profile::icloud());
    let part = "<c:comp name=\"VCALENDAR\"/>";
    let answer = hollow.ask("REPORT", &hollow.path, &[], &body(&hollow.path, part));
    assert!(!text(&answer).contains("DTSTART"));
}

#[test]
fn subscriptions_and_names_that_were_deleted() {
    let names = find_body("<d:resourcetype/>");
    // quirk: icloud-19
    for (quirk, calendars) in [(Some(Quirk::SubscriptionAsCalendar), 2), (None, 1)] {
        let mut profile = Profile::plain();
        profile.quirks.extend(quirk);
        let fixture = fixture(profile);
        fixture.world.add_calendar_as("sam", "school", "School", crate::Kind::Subscribed);
        let answer = fixture.ask("PROPFIND", "/dav/calendars/sam/", &[("depth", "1")], &names);
        assert_eq!(every(&root(&answer), CALDAV, "calendar").len(), calendars);
    }
    // quirk: icloud-50
    let mut profile = Profile::icloud();
    profile.habits.tombstones = true;
    let fixture = fixture(profile);
    fixture.world.user(&fixture.calendar).put("one.ics", EVENT.as_bytes());
    fixture.world.user(&fixture.calendar).delete("a");
    assert_eq!(fixture.put("one.ics", ("if-none-match", "*"), EVENT).status, 412);
    // quirk: icloud-64
    assert_eq!(fixture.ask("DELETE", &fixture.path, &[], "").status, 204);
    let world = fixture.world.clone();
    let asserted = std::panic::catch_unwind(move || world.assert_no_collection_delete());
    assert!(asserted.is_err());
}

#[test]
fn limits_of_size() {
    // quirk: icloud-78
    let fixture = fixture(Profile { largest: 400, ..Profile::icloud() });
    let long = EVENT.replace("One", &"long ".repeat(100));
    assert_eq!(fixture.put("one.ics", ("if-none-match", "*"), &long).status, 413);
}

#[test]
fn calendars_can_be_made() {
    let fixture = fixture(Profile::icloud());
    let path = fixture.path.replace("family", "new");
    assert_eq!(fixture.ask("MKCALENDAR", &path, &[], "").status, 201);
    assert_eq!(fixture.ask("MKCALENDAR", &path, &[], "").status, 405);
}

#[test]
fn once_an_hour_a_version_churns() {
    let fixture = fixture(Profile::icloud());
    fixture.world.user(&fixture.calendar).put("one.ics", EVENT.as_bytes());
    let before = fixture.version();
    fixture.sync("");
    assert_eq!(fixture.version(), before);
    fixture.world.advance(Duration::from_secs(3600));
    fixture.sync("");
    // quirk: icloud-57
    assert_ne!(fixture.version(), before);
}

#[tokio::test]
async fn a_kept_connection_is_dead_the_second_time() {
    // quirk: icloud-71
    let world = World::new(3);
    world.account("sam", Default::default());
    world.add_calendar("sam", "Family");
    let profile = Profile::plain().with(Quirk::StaleConnections);
    let running = serve(&world, Options::new(profile, "sam")).await.unwrap();
    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    let authorization = credential();
    let request =
        format!("OPTIONS /dav/ HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(stream.read(&mut answer).await.unwrap_or(0), 0);
    assert_eq!(world.request_count("sam"), 1);
}
