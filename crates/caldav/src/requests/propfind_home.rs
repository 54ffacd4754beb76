//! PROPFIND on the principal: where its calendars are (RFC 4791 section 6.2.1). Depth 0: iCloud
//! answers 400 to more.

use provider::Result;
use transport::Url;

use super::{Answer, Ask, Depth, propfind, reached, read_multistatus};
use crate::path::resolve;

const DOING: &str = "looking for the calendars' home";

// quirk: icloud-44
pub(crate) fn prepare(principal: &Url) -> Ask {
    propfind(principal, Depth::Zero, "<c:calendar-home-set/>")
}

/// The homes; none for a principal without calendars.
pub(crate) fn parse(answer: &Answer) -> Result<Vec<Url>> {
    let mut homes = Vec::new();
    let here = reached(answer);
    read_multistatus(answer, DOING, |response| {
        homes.extend(response.props.homes.iter().filter_map(|href| resolve(here, href)));
        Ok(())
    })?;
    Ok(homes)
}

#[cfg(test)]
mod tests {
    use super::super::wire::answer;
    use super::*;

    // quirk: icloud-9, icloud-44
    #[test]
    fn icloud_names_a_partition_with_its_port() {
        // Written from the documented facts.
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\n\
            <multistatus xmlns=\"DAV:\">\n<response xmlns=\"DAV:\">\n<href>/123/principal/</href>\n\
            <propstat><prop><calendar-home-set xmlns=\"urn:ietf:params:xml:ns:caldav\">\
            <href xmlns=\"DAV:\">https://p42-caldav.icloud.com:443/123/calendars/</href>\
            </calendar-home-set></prop><status>HTTP/1.1 200 OK</status></propstat></response>\
            </multistatus>";
        let homes = parse(&answer("https://caldav.icloud.com/123/principal/", 207, body)).unwrap();
        let homes: Vec<&str> = homes.iter().map(Url::as_str).collect();
        assert_eq!(homes, ["https://p42-caldav.icloud.com/123/calendars/"]);
        let ask = prepare(&Url::parse("https://caldav.icloud.com/123/principal/").unwrap());
        assert_eq!(ask.headers()["depth"], "0");
    }
}
