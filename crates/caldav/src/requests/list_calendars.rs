//! PROPFIND on a home: its calendars, with names, colours and rights. What is no calendar, or none
//! that can hold events, is left out; nothing is left out for its name.

use model::{Calendar, CalendarId, Rights};
use provider::Result;
use transport::Url;

use super::{Answer, Ask, Depth, propfind, reached, read_multistatus};
use crate::path::{calendar_id, resolve};
use crate::props::{Kind, Props};

const DOING: &str = "listing the calendars";

pub(crate) fn prepare(home: &Url, depth: Depth) -> Ask {
    let properties = "<d:resourcetype/><d:displayname/><d:current-user-privilege-set/>\
         <c:supported-calendar-component-set/><c:schedule-default-calendar-URL/>\
         <a:calendar-color/>";
    propfind(home, depth, properties)
}

/// The calendars, in the server's order.
// quirk: icloud-18
pub(crate) fn parse(answer: &Answer) -> Result<Vec<Calendar>> {
    let here = reached(answer);
    let mut calendars: Vec<Calendar> = Vec::new();
    let mut primary = None;
    read_multistatus(answer, DOING, |response| {
        if let Some(href) = &response.props.default_calendar {
            primary = resolve(here, href).as_ref().and_then(calendar_id);
        }
        let id = resolve(here, &response.href).as_ref().and_then(calendar_id);
        if let Some(id) = id.filter(|_| holds_events(&response.props))
            && calendars.iter().all(|calendar| calendar.id != id)
        {
            calendars.push(calendar(id, response.props));
        }
        Ok(())
    })?;
    for calendar in &mut calendars {
        calendar.primary = primary.as_ref() == Some(&calendar.id);
    }
    Ok(calendars)
}

// quirk: icloud-19, icloud-22, caldav-3
fn holds_events(props: &Props) -> bool {
    let components = props.components.as_ref();
    props.is(Kind::Calendar)
        && !props.is(Kind::Inbox)
        && !props.is(Kind::Subscribed)
        && !props.is(Kind::Notification)
        && components.is_none_or(|names| names.iter().any(|name| name == "VEVENT"))
}

fn calendar(id: CalendarId, props: Props) -> Calendar {
    let last = id.as_str().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = props.display_name.clone().unwrap_or_else(|| last.to_owned());
    let color = props.color.as_deref().and_then(color);
    Calendar { id, name, primary: false, rights: rights(&props), color }
}

/// What the privileges allow; not knowing them is no reason not to try.
// quirk: icloud-20
pub(crate) fn rights(props: &Props) -> Rights {
    let Some(privileges) = &props.privileges else {
        return Rights::Write;
    };
    let has = |name: &str| privileges.iter().any(|privilege| privilege == name);
    if has("all") || has("write") || has("write-content") && has("bind") {
        Rights::Write
    } else {
        Rights::Read
    }
}

/// `#RRGGBB`, with or without transparency.
fn color(text: &str) -> Option<String> {
    let digits = text.strip_prefix('#')?;
    let legal = matches!(digits.len(), 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    legal.then(|| format!("#{}", digits[..6].to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::wire::sample;
    use super::*;

    fn listed(url: &str, text: &str) -> Vec<String> {
        let calendars = parse(&sample(url, text)).unwrap();
        let line = |calendar: &Calendar| {
            let rights = if calendar.rights == Rights::Write { "rw" } else { "ro" };
            let primary = if calendar.primary { "!" } else { "" };
            let color = calendar.color.as_deref().unwrap_or("-");
            format!("{} {} {rights}{primary} {color}", calendar.id, calendar.name)
        };
        calendars.iter().map(line).collect()
    }

    // quirk: icloud-13, icloud-16, icloud-18, icloud-19, icloud-20, icloud-22
    #[test]
    fn icloud_lists_more_than_calendars() {
        let text = include_str!("../../tests/wire/icloud/list_calendars.http");
        let expected = [
            "/10203040506/calendars/home/ Home rw #1badf8",
            "/10203040506/calendars/9E0B/ Team (read only) ro -",
        ];
        assert_eq!(listed("https://p42-caldav.icloud.com/10203040506/calendars/", text), expected);
    }

    // quirk: caldav-3
    #[test]
    fn real_servers_list_theirs() {
        let cyrus = include_str!("../../tests/wire/cyrus/list_home.http");
        let expected = [
            "/dav/calendars/user/alice/Default/ personal rw -",
            "/dav/calendars/user/alice/work/ work rw -",
        ];
        assert_eq!(listed("http://127.0.0.1:1/dav/calendars/user/alice/", cyrus), expected);
        let sogo = include_str!("../../tests/wire/sogo/list_home.http");
        let sogo = listed("http://127.0.0.1:1/SOGo/dav/alice/Calendar/", sogo);
        assert!(
            sogo[0].starts_with("/SOGo/dav/alice/Calendar/personal/ Personal Calendar rw!"),
            "{sogo:?}"
        );
        assert!(sogo[1].starts_with("/SOGo/dav/alice/Calendar/work/ work rw"), "{sogo:?}");
        assert_eq!(sogo.len(), 2);
    }
}
