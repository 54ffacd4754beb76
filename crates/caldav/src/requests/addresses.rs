//! PROPFIND on a calendar or a principal: whose it is, and by which addresses that person is
//! invited (RFC 6638 section 2.4.1).

use provider::Result;
use transport::Url;

use super::{Answer, Ask, Depth, propfind, reached, read_multistatus};
use crate::path::resolve;

const DOING: &str = "asking whose calendar it is";

/// What the server says.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The owner's principal, of a calendar.
    pub(crate) owner: Option<Url>,
    /// The addresses, of a principal; `None` where the server does not say.
    pub(crate) addresses: Option<Vec<String>>,
}

pub(crate) fn prepare(url: &Url) -> Ask {
    propfind(url, Depth::Zero, "<d:owner/><c:calendar-user-address-set/>")
}

pub(crate) fn parse(answer: &Answer) -> Result<Known> {
    let mut known = Known::default();
    let here = reached(answer);
    read_multistatus(answer, DOING, |response| {
        known.owner = response.props.owner.as_deref().and_then(|href| resolve(here, href));
        known.addresses = response.props.addresses;
        Ok(())
    })?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::super::wire::answer;
    use super::*;

    // quirk: caldav-14
    #[test]
    fn no_address_is_another_answer_than_none() {
        let asked = |prop: &str, status: u16| {
            let body = format!(
                "<multistatus xmlns='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><response>\
                 <href>/alice/</href><propstat><prop>{prop}</prop>\
                 <status>HTTP/1.1 {status} x</status></propstat></response></multistatus>"
            );
            parse(&answer("http://127.0.0.1/alice/", 207, &body)).unwrap()
        };
        let cyrus = asked(
            "<c:calendar-user-address-set><href>mailto:alice@internal</href>\
             </c:calendar-user-address-set><owner><href>/p/alice/</href></owner>",
            200,
        );
        assert_eq!(cyrus.addresses.as_deref(), Some(&["mailto:alice@internal".to_owned()][..]));
        assert_eq!(cyrus.owner.as_ref().map(Url::as_str), Some("http://127.0.0.1/p/alice/"));
        // Xandikos.
        assert_eq!(asked("<c:calendar-user-address-set/>", 200).addresses, Some(Vec::new()));
        assert_eq!(asked("<c:calendar-user-address-set/>", 404).addresses, None);
    }
}
