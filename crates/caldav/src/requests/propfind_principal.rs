//! PROPFIND on the configured address: what is there, and who are we (RFC 5397)?

use provider::{Error, ErrorKind, Result};
use transport::Url;

use super::{Answer, Ask, Depth, place, propfind, reached, read_multistatus};
use crate::path::resolve;
use crate::props::{Kind, Principal};

const DOING: &str = "looking for the account";

/// What is at the address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Our principal, where the server names it.
    pub(crate) principal: Option<Url>,
    /// Our calendar homes, where the address is a principal (or answers as one).
    pub(crate) homes: Vec<Url>,
    /// Whether the address is itself a calendar.
    pub(crate) is_calendar: bool,
}

pub(crate) fn prepare(url: &Url) -> Ask {
    let properties = "<d:resourcetype/><d:current-user-principal/><c:calendar-home-set/>";
    propfind(url, Depth::Zero, properties)
}

pub(crate) fn parse(answer: &Answer) -> Result<Found> {
    let mut found = Found::default();
    let mut anonymous = false;
    let here = reached(answer);
    read_multistatus(answer, DOING, |response| {
        let props = response.props;
        found.is_calendar |= props.is(Kind::Calendar);
        match &props.principal {
            Some(Principal::Href(href)) => found.principal = resolve(here, href),
            Some(Principal::Unauthenticated) => anonymous = true,
            None => {}
        }
        found.homes.extend(props.homes.iter().filter_map(|href| resolve(here, href)));
        Ok(())
    })?;
    if anonymous && found.principal.is_none() {
        return Err(Error::new(
            ErrorKind::Unauthorized,
            format!("{} does not recognise the user name and password", place(answer)),
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, sample, shown};
    use super::*;

    fn urls(found: &Found) -> (Option<&str>, Vec<&str>) {
        (found.principal.as_ref().map(Url::as_str), found.homes.iter().map(Url::as_str).collect())
    }

    #[test]
    fn the_declaration_stands_first() {
        let ask = shown(&prepare(&Url::parse("https://dav.example.org/").unwrap()));
        assert!(ask.starts_with("PROPFIND /\ndepth: 0\n"), "{ask}");
        assert!(ask.contains("\n\n<?xml version=\"1.0\""), "{ask}");
        assert!(!ask.contains("allprop"), "{ask}");
    }

    #[test]
    fn servers_say_who_we_are() {
        let radicale = include_str!("../../tests/wire/radicale/propfind_root.http");
        let found = parse(&sample("http://127.0.0.1:1/", radicale)).unwrap();
        assert_eq!(urls(&found), (Some("http://127.0.0.1:1/alice/"), vec![]));

        let davical = include_str!("../../tests/wire/davical/propfind_slash.http");
        let found = parse(&sample("http://127.0.0.1:1/", davical)).unwrap();
        let at = "http://127.0.0.1:1/caldav.php/alice/";
        assert_eq!(urls(&found), (Some(at), vec![at]));

        let sogo = include_str!("../../tests/wire/sogo/propfind_cal.http");
        let found = parse(&sample("http://127.0.0.1:1/", sogo)).unwrap();
        assert!(found.is_calendar);
        assert_eq!(urls(&found), (Some("http://127.0.0.1:1/SOGo/dav/alice"), vec![]));
    }

    #[test]
    fn nobody_and_nothing_are_told_apart() {
        let body = "<multistatus xmlns='DAV:'><response><href>/</href><propstat><prop>\
             <current-user-principal><unauthenticated/></current-user-principal>\
             </prop></propstat></response></multistatus>";
        let error = parse(&answer("http://127.0.0.1/", 207, body)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        let none = "<multistatus xmlns='DAV:'/>";
        assert_eq!(parse(&answer("http://127.0.0.1/", 207, none)).unwrap(), Found::default());
    }

    // quirk: icloud-68
    #[test]
    fn a_portal_is_no_server() {
        let html = "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<html>Free WiFi</html>";
        let error = parse(&sample("http://127.0.0.1/", html)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.sentence().contains("web page"), "{error}");
    }
}
