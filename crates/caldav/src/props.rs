//! The properties that calpair asks for, read into their types.

use crate::xml::{Name, Result, Space, Xml};

/// Properties of one resource; what was not there is `None` or empty.
#[derive(Debug, Default)]
pub(crate) struct Props {
    /// DAV:getetag, as the server spells it.
    pub(crate) etag: Option<String>,
    /// DAV:getcontenttype.
    pub(crate) content_type: Option<String>,
    /// CALDAV:calendar-data.
    pub(crate) data: Option<String>,
    /// DAV:displayname.
    pub(crate) display_name: Option<String>,
    /// DAV:resourcetype.
    pub(crate) kinds: Option<Vec<Kind>>,
    /// DAV:current-user-privilege-set, local names.
    pub(crate) privileges: Option<Vec<String>>,
    /// CALDAV:supported-calendar-component-set, upper case.
    pub(crate) components: Option<Vec<String>>,
    /// DAV:current-user-principal (RFC 5397).
    pub(crate) principal: Option<Principal>,
    /// CALDAV:calendar-home-set.
    pub(crate) homes: Vec<String>,
    /// CALDAV:schedule-default-calendar-URL (RFC 6638), a property of the inbox.
    pub(crate) default_calendar: Option<String>,
    /// DAV:owner (RFC 3744 section 5.1).
    pub(crate) owner: Option<String>,
    /// CALDAV:calendar-user-address-set (RFC 6638 section 2.4.1), as the server spells them.
    pub(crate) addresses: Option<Vec<String>>,
    /// The colour that Apple's calendars show.
    pub(crate) color: Option<String>,
    /// CS:getctag.
    pub(crate) ctag: Option<String>,
}

/// What a resource is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// DAV:collection
    Collection,
    /// CALDAV:calendar
    Calendar,
    /// CALDAV:schedule-inbox
    Inbox,
    /// CS:subscribed: a pointer to somebody else's feed.
    Subscribed,
    /// CS:notification
    Notification,
    /// Anything else.
    Other,
}

/// Who the server takes us for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// This principal.
    Href(String),
    /// Nobody.
    Unauthenticated,
}

impl Props {
    /// Reads one property, the element that was just opened.
    pub(crate) fn read(&mut self, xml: &mut Xml<'_>, name: &Name) -> Result<()> {
        match name.parts() {
            (Space::Dav, "getetag") => self.etag = text(xml)?,
            (Space::Dav, "getcontenttype") => self.content_type = text(xml)?,
            (Space::CalDav, "calendar-data") => self.data = text(xml)?,
            (Space::Dav, "displayname") => self.display_name = text(xml)?,
            (Space::Dav, "resourcetype") => self.kinds = Some(kinds(xml)?),
            (Space::Dav, "current-user-privilege-set") => self.privileges = Some(privileges(xml)?),
            (Space::CalDav, "supported-calendar-component-set") => {
                self.components = Some(components(xml)?);
            }
            (Space::Dav, "current-user-principal") => self.principal = principal(xml)?,
            (Space::CalDav, "calendar-home-set") => self.homes = hrefs(xml)?,
            (Space::CalDav, "schedule-default-calendar-URL") => {
                self.default_calendar = hrefs(xml)?.into_iter().next();
            }
            (Space::Dav, "owner") => self.owner = hrefs(xml)?.into_iter().next(),
            (Space::CalDav, "calendar-user-address-set") => self.addresses = Some(hrefs(xml)?),
            (Space::Apple, "calendar-color") => self.color = text(xml)?,
            (Space::CalendarServer, "getctag") => self.ctag = text(xml)?,
            _ => xml.skip()?,
        }
        Ok(())
    }

    /// Takes over what another propstat says.
    // quirk: icloud-17
    pub(crate) fn merge(&mut self, other: Props) {
        fn take<T>(into: &mut Option<T>, from: Option<T>) {
            if from.is_some() {
                *into = from;
            }
        }
        take(&mut self.etag, other.etag);
        take(&mut self.content_type, other.content_type);
        take(&mut self.data, other.data);
        take(&mut self.display_name, other.display_name);
        take(&mut self.kinds, other.kinds);
        take(&mut self.privileges, other.privileges);
        take(&mut self.components, other.components);
        take(&mut self.principal, other.principal);
        self.homes.extend(other.homes);
        take(&mut self.default_calendar, other.default_calendar);
        take(&mut self.owner, other.owner);
        take(&mut self.addresses, other.addresses);
        take(&mut self.color, other.color);
        take(&mut self.ctag, other.ctag);
    }

    /// Whether it is a thing of this kind; no when the server did not say.
    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kinds.as_ref().is_some_and(|kinds| kinds.contains(&kind))
    }
}

fn text(xml: &mut Xml<'_>) -> Result<Option<String>> {
    Ok(Some(xml.text()?).filter(|text| !text.is_empty()))
}

fn kinds(xml: &mut Xml<'_>) -> Result<Vec<Kind>> {
    let mut kinds = Vec::new();
    xml.children(|xml, name| {
        kinds.push(match name.parts() {
            (Space::Dav, "collection") => Kind::Collection,
            (Space::CalDav, "calendar") => Kind::Calendar,
            (Space::CalDav, "schedule-inbox") => Kind::Inbox,
            (Space::CalendarServer, "subscribed") => Kind::Subscribed,
            (Space::CalendarServer, "notification") => Kind::Notification,
            _ => Kind::Other,
        });
        xml.skip()
    })?;
    Ok(kinds)
}

fn privileges(xml: &mut Xml<'_>) -> Result<Vec<String>> {
    let mut privileges = Vec::new();
    xml.children(|xml, name| match name.local.as_str() {
        "privilege" => xml.children(|xml, name| {
            if name.space == Space::Dav {
                privileges.push(name.local);
            }
            xml.skip()
        }),
        _ => xml.skip(),
    })?;
    Ok(privileges)
}

fn components(xml: &mut Xml<'_>) -> Result<Vec<String>> {
    let mut components = Vec::new();
    xml.children(|xml, name| {
        components.extend(name.label.map(|label| label.to_ascii_uppercase()));
        xml.skip()
    })?;
    Ok(components)
}

fn principal(xml: &mut Xml<'_>) -> Result<Option<Principal>> {
    let mut principal = None;
    xml.children(|xml, name| match name.parts() {
        (Space::Dav, "href") => {
            principal = text(xml)?.map(Principal::Href);
            Ok(())
        }
        (Space::Dav, "unauthenticated") => {
            principal = Some(Principal::Unauthenticated);
            xml.skip()
        }
        _ => xml.skip(),
    })?;
    Ok(principal)
}

fn hrefs(xml: &mut Xml<'_>) -> Result<Vec<String>> {
    let mut hrefs = Vec::new();
    xml.children(|xml, name| match name.parts() {
        (Space::Dav, "href") => {
            hrefs.extend(text(xml)?);
            Ok(())
        }
        _ => xml.skip(),
    })?;
    Ok(hrefs)
}
