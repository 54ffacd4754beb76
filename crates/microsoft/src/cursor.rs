//! What the engine stores for us between two cycles, and hands back: JSON, because links are long
//! and hold every sign.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{Cursor, ResourceId};
use serde_json::{Value, json};

/// The form written by this version.
const FORM: u64 = 1;

/// Series of linked events that a cursor names at most; a deletion has each of them looked at.
pub(crate) const MOST_LINKED: usize = 50;

/// The window that rounds of changes look through. It is a part of the service's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// When it was opened.
    pub(crate) opened: Timestamp,
}

/// A cursor, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) at: At,
    pub(crate) window: Window,
    /// The series that have linked events: a deletion of one of these is told by its own id alone.
    pub(crate) linked: BTreeSet<ResourceId>,
}

/// Where an observation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// What changes from here on is told by this link; without one, nothing tells.
    Settled(Option<String>),
    /// Within a round.
    Round(Round),
    /// Within a listing of everything, after the round that gave the link.
    List {
        /// The page to go on with; the first one for none.
        page: Option<String>,
        /// What will tell the changes.
        changes: Option<String>,
    },
}

/// A round of changes that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// Whether it only opens a window: then a listing of everything follows.
    pub(crate) purpose: Purpose,
    /// The link that began it; none for the first round over a window.
    pub(crate) began: Option<String>,
    /// The page to go on with.
    pub(crate) page: String,
    /// How many pages there were.
    pub(crate) pages: u32,
    /// A sum of the last page, and how often it came in a row.
    pub(crate) last: (String, u32),
    /// How many pages in a row had nothing on them.
    pub(crate) empty: u32,
    /// Whether our page size is asked for.
    pub(crate) is_sized: bool,
}

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To get a token; what it lists is listed once more afterwards.
    Open,
    /// To tell what changed.
    Changes,
}

impl Mark {
    /// As the engine keeps it.
    pub(crate) fn to_cursor(&self) -> Cursor {
        let at = match &self.at {
            At::Settled(link) => json!({"link": link}),
            At::List { page, changes } => json!({"list": page, "changes": changes}),
            At::Round(round) => json!({
                "page": round.page,
                "open": round.purpose == Purpose::Open,
                "began": round.began,
                "pages": round.pages,
                "last": round.last.0,
                "times": round.last.1,
                "empty": round.empty,
                "sized": round.is_sized,
            }),
        };
        let linked: Vec<&str> = self.linked.iter().map(ResourceId::as_str).collect();
        let Window { from, until, opened } = self.window;
        let window = [from.as_second(), until.as_second(), opened.as_second()];
        let value = json!({"form": FORM, "at": at, "window": window, "linked": linked});
        Cursor::new(value.to_string())
    }

    /// As the engine hands it back; `None` for one that is not ours.
    // quirk: microsoft-14
    pub(crate) fn read(cursor: &Cursor) -> Option<Self> {
        let value: Value = serde_json::from_str(cursor.as_str()).ok()?;
        if value["form"].as_u64() != Some(FORM) {
            return None;
        }
        let second = |at: usize| Timestamp::from_second(value["window"][at].as_i64()?).ok();
        let window = Window { from: second(0)?, until: second(1)?, opened: second(2)? };
        let linked = value["linked"].as_array()?.iter();
        let linked = linked.filter_map(Value::as_str).map(ResourceId::new).collect();
        Some(Self { at: at(&value["at"])?, window, linked })
    }
}

fn at(value: &Value) -> Option<At> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    if value.get("link").is_some() {
        return Some(At::Settled(text("link")));
    }
    if value.get("list").is_some() {
        return Some(At::List { page: text("list"), changes: text("changes") });
    }
    let number = |name: &str| u32::try_from(value[name].as_u64()?).ok();
    let is_open = value["open"].as_bool()?;
    Some(At::Round(Round {
        purpose: if is_open { Purpose::Open } else { Purpose::Changes },
        began: text("began"),
        page: text("page")?,
        pages: number("pages")?,
        last: (text("last")?, number("times")?),
        // A round that an older version began has not counted them.
        empty: number("empty").unwrap_or_default(),
        is_sized: value["sized"].as_bool()?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-14
    #[test]
    fn a_cursor_comes_back() {
        let at = |text: &str| text.parse().unwrap();
        let window = Window {
            from: at("2026-01-01T00:00:00Z"),
            until: at("2027-01-01T00:00:00Z"),
            opened: at("2026-03-01T00:00:00Z"),
        };
        let round = Round {
            purpose: Purpose::Open,
            began: None,
            page: "https://x/?$skiptoken=\"a\"".to_owned(),
            pages: 3,
            last: ("ab".to_owned(), 2),
            empty: 1,
            is_sized: true,
        };
        for at in [
            At::Settled(Some("https://x/?$deltatoken=a:b".to_owned())),
            At::Settled(None),
            At::List { page: None, changes: Some("d".to_owned()) },
            At::List { page: Some("p".to_owned()), changes: None },
            At::Round(round),
        ] {
            let mark = Mark { at, window, linked: [ResourceId::new("AAk=")].into() };
            assert_eq!(Mark::read(&mark.to_cursor()), Some(mark));
        }
        for strange in ["no such cursor", "{}", "{\"form\":2}", "[]"] {
            assert_eq!(Mark::read(&strange.into()), None, "{strange}");
        }
    }
}
