//! Which server is played: a profile is a table of switches.
//!
//! Numbers are those of the quirk ledger of iCloud; a quirk is played at the line that carries its
//! number. Quirks that need a moment (a throttle, a revoked password, a moved partition, a lost
//! reply) are faults of the world and not switches here.

use std::collections::BTreeSet;

use super::xml::XmlStyle;
use crate::{Conditions, Habits, Rewriting, Scheduling, UidScope};

/// A way in which a server differs from the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quirk {
    /// 1: two challenges in one header field, the foreign one first.
    CombinedChallenge,
    /// 9: the home set is an absolute URL on another host.
    AbsoluteHome,
    /// 8: the item on another host: PUT and DELETE are answered with a redirect.
    WriteRedirect,
    /// 11: relative and absolute addresses, mixed.
    MixedAddresses,
    /// 12: `@` now as itself, now as `%40`; hexadecimal digits in lower case.
    FlippedEncoding,
    /// 14: calendar text in CDATA sections.
    CharacterSections,
    /// 15: statuses without a reason, before the properties.
    BareStatus,
    /// 17: the properties of one resource in two groups of one status.
    SplitProperties,
    /// 19: a subscription that says it is a calendar.
    SubscriptionAsCalendar,
    /// 22: a list of tasks among the calendars.
    TasksList,
    /// 23: the limit of a sync report is ignored.
    IgnoredLimit,
    /// 24: the collection is a member of its own sync report.
    SelfMember,
    /// 25: GET on a collection: the connection is dropped.
    DroppedGet,
    /// 27: the same member twice in one answer.
    TwiceListed,
    /// 31: the sync token stays the same after changes.
    StuckToken,
    /// 32: no sync token in the answer.
    OmittedToken,
    /// 34: the answer is cut at the limit without a word, with the newest token.
    SilentLimit,
    /// 35: a limit is refused.
    RefusedLimit,
    /// 38: a multiget answers in another order and leaves every third out.
    PatchyMultiget,
    /// 40: parts of calendar data come empty.
    NoParts,
    /// 41: a filter for a UID is refused.
    UidFilterRefused,
    /// 42: a query without a component filter is refused.
    ComponentFilterNeeded,
    /// 43: whole days that end where a time range begins are in it.
    TouchingDays,
    /// 46: HTML in a description is refused.
    NoHtml,
    /// 47: METHOD is refused.
    NoMethod,
    /// 48: a zone without its definition is refused.
    ZoneNeeded,
    /// 51: `If-Match: *` works the wrong way round.
    InvertedStar,
    /// 52: a PUT without a condition is refused where there is something.
    ConditionNeeded,
    /// 57: once an hour a version changes and nothing else.
    Churn,
    /// 60: the collection's tag lags one change behind.
    LaggingTag,
    /// 63: DELETE with a Depth is refused.
    NoDeleteDepth,
    /// 71: a second request on one connection meets a dead line, and is not done.
    StaleConnections,
}

/// What a refused sync token is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// 28: this status and the `valid-sync-token` element.
    Stated(u16),
    /// 29: this status and nothing else.
    Bare(u16),
    /// 30: everything, as if nothing had been said.
    SilentFull,
}

/// Whether there are sync tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Only a tag that says whether something changed.
    None,
    /// `sync-collection`, and how an unknown token is refused.
    Sync(TokenRefusal),
}

/// When the answer to a PUT states an ETag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutVersion {
    /// Always, also when the stored text is another (against RFC 4791 section 5.3.4).
    Always,
    /// When what is stored is what was sent.
    Verbatim,
    /// 53: never.
    Never,
}

/// 58: what an ETag looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStyle {
    /// `"x"`.
    Quoted,
    /// `W/"x"` from a PUT, `"x"` elsewhere.
    WeakOnPut,
    /// `x`.
    Unquoted,
    /// `"gcs…"`, by which SOGo can be known.
    Sogo,
}

/// What a multiget says of an address that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiget {
    /// A 404 for it.
    Stated,
    /// Nothing.
    Silent,
    /// The whole report is a 404.
    WholeFails,
    /// 39: nothing at all, whatever was asked.
    Broken,
}

/// Where things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `/<dsid>/principal/`, `/<dsid>/calendars/`.
    Apple,
    /// `/dav/principals/<name>/`, `/dav/calendars/<name>/`, behind a redirect of the well-known
    /// address.
    Plain,
}

/// A server's behaviour.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What it is called in reports.
    pub name: &'static str,
    /// Where things are.
    pub layout: Layout,
    /// How it writes XML.
    pub xml: XmlStyle,
    /// Switches.
    pub quirks: BTreeSet<Quirk>,
    /// Sync tokens.
    pub tokens: Tokens,
    /// 6: the first host redirects everything to the partition, with this status.
    pub redirect: Option<u16>,
    /// 7: the first host redirects everything to this address, which is not the service's.
    pub evil_redirect: Option<String>,
    /// ETag of a PUT.
    pub put_version: PutVersion,
    /// Form of ETags.
    pub version_style: VersionStyle,
    /// Missing addresses in a multiget.
    pub multiget: Multiget,
    /// 33: so many members in one sync answer, then 507.
    pub truncate: Option<usize>,
    /// 45: the status for an event without an end.
    pub missing_end: Option<u16>,
    /// The status for a text that is no calendar object.
    pub garbage: u16,
    /// 49: the status for a UID that is taken, and the precondition named with it.
    pub uid_taken: (u16, Option<&'static str>),
    /// 78: the largest text, in bytes.
    pub largest: usize,
    /// What it does with what it stores.
    pub habits: Habits,
}

/// 20 MB (Apple 103188): the published limit of an event with its attachments.
const APPLE_LARGEST: usize = 20_000_000;

/// The name of the precondition for a UID that is taken (RFC 4791 section 5.3.2.1).
const NO_UID_CONFLICT: Option<&str> = Some("no-uid-conflict");

impl Profile {
    /// By the book; the second server of the demonstration.
    pub fn plain() -> Self {
        Self {
            name: "plain",
            layout: Layout::Plain,
            xml: XmlStyle::Prefixed,
            quirks: BTreeSet::new(),
            tokens: Tokens::Sync(TokenRefusal::Stated(403)),
            redirect: None,
            evil_redirect: None,
            put_version: PutVersion::Verbatim,
            version_style: VersionStyle::Quoted,
            multiget: Multiget::Stated,
            truncate: None,
            missing_end: None,
            garbage: 403,
            uid_taken: (403, NO_UID_CONFLICT),
            largest: APPLE_LARGEST,
            habits: Habits::default(),
        }
    }

    /// iCloud, with everything on that it is known to do always.
    pub fn icloud() -> Self {
        Self {
            name: "icloud",
            layout: Layout::Apple,
            xml: XmlStyle::Apple,
            quirks: BTreeSet::from([
                Quirk::CombinedChallenge,
                Quirk::AbsoluteHome,
                Quirk::CharacterSections,
                Quirk::TasksList,
                Quirk::IgnoredLimit,
                Quirk::SelfMember,
                Quirk::DroppedGet,
                Quirk::NoParts,
                Quirk::UidFilterRefused,
                Quirk::ComponentFilterNeeded,
                Quirk::TouchingDays,
                Quirk::NoHtml,
                Quirk::NoMethod,
                Quirk::ZoneNeeded,
                Quirk::InvertedStar,
                Quirk::ConditionNeeded,
                Quirk::Churn,
            ]),
            put_version: PutVersion::Always,
            missing_end: Some(404),
            uid_taken: (412, None),
            habits: Habits {
                rewriting: Rewriting::Afterwards,
                uids: UidScope::Account,
                ..Habits::default()
            },
            ..Self::plain()
        }
    }

    /// As Radicale 3.9 was measured.
    pub fn radicale() -> Self {
        Self {
            name: "radicale",
            xml: XmlStyle::Prefixed,
            quirks: BTreeSet::from([Quirk::IgnoredLimit]),
            put_version: PutVersion::Always,
            garbage: 400,
            uid_taken: (409, NO_UID_CONFLICT),
            habits: Habits {
                rewriting: Rewriting::AtOnce,
                scheduling: Scheduling::Never,
                ..Habits::default()
            },
            ..Self::plain()
        }
    }

    /// As Xandikos 0.4.10 was measured.
    pub fn xandikos() -> Self {
        Self {
            name: "xandikos",
            tokens: Tokens::Sync(TokenRefusal::Stated(412)),
            put_version: PutVersion::Always,
            garbage: 412,
            uid_taken: (412, NO_UID_CONFLICT),
            habits: Habits {
                rewriting: Rewriting::AtOnce,
                forgets_short_lives: true,
                scheduling: Scheduling::Addressless,
                ..Habits::default()
            },
            quirks: BTreeSet::from([Quirk::SilentLimit]),
            ..Self::plain()
        }
    }

    /// As DAViCal 1.1.12 was measured.
    pub fn davical() -> Self {
        Self {
            name: "davical",
            xml: XmlStyle::Dense,
            tokens: Tokens::Sync(TokenRefusal::SilentFull),
            multiget: Multiget::Silent,
            garbage: 412,
            habits: Habits { uids: UidScope::Free, ..Habits::default() },
            quirks: BTreeSet::from([Quirk::IgnoredLimit]),
            ..Self::plain()
        }
    }

    /// As SOGo 5.8 was measured.
    pub fn sogo() -> Self {
        Self {
            name: "sogo",
            xml: XmlStyle::Dense,
            tokens: Tokens::Sync(TokenRefusal::SilentFull),
            put_version: PutVersion::Always,
            version_style: VersionStyle::Sogo,
            garbage: 404,
            uid_taken: (409, None),
            habits: Habits {
                rewriting: Rewriting::AtOnce,
                conditions: Conditions::Updates,
                ..Habits::default()
            },
            ..Self::plain()
        }
    }

    /// As sabre/dav 1.8 was measured: no sync report.
    pub fn sabre() -> Self {
        Self {
            name: "sabre",
            tokens: Tokens::None,
            multiget: Multiget::WholeFails,
            garbage: 415,
            habits: Habits {
                uids: UidScope::Free,
                scheduling: Scheduling::Never,
                ..Habits::default()
            },
            ..Self::plain()
        }
    }

    /// As Zoho is reported: a multiget answers nothing, PUT states no version.
    pub fn zoho() -> Self {
        Self {
            name: "zoho",
            multiget: Multiget::Broken,
            put_version: PutVersion::Never,
            tokens: Tokens::None,
            habits: Habits { scheduling: Scheduling::Never, ..Habits::default() },
            ..Self::plain()
        }
    }

    /// Every profile.
    pub fn all() -> Vec<Profile> {
        vec![
            Self::plain(),
            Self::icloud(),
            Self::radicale(),
            Self::xandikos(),
            Self::davical(),
            Self::sogo(),
            Self::sabre(),
            Self::zoho(),
        ]
    }

    /// The profile with a quirk on.
    #[must_use]
    pub fn with(mut self, quirk: Quirk) -> Self {
        self.quirks.insert(quirk);
        self
    }

    /// The profile with a quirk off.
    #[must_use]
    pub fn without(mut self, quirk: Quirk) -> Self {
        self.quirks.remove(&quirk);
        self
    }

    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}
