//! What the engine stores for us between two cycles, and hands back.

use model::Cursor;

/// A cursor, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The collection's sync token (RFC 6578) after the last change that was listed.
    Sync(String),
    /// The collection's tag when it was listed, for servers without sync tokens.
    Tag(String),
    /// The server has neither: everything is listed every time.
    Nothing,
    /// Within a listing that comes in several parts: the token to go on with.
    More(Listing, String),
}

/// What kind of listing goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// Of everything.
    Full,
    /// Of what changed.
    Delta,
}

impl Mark {
    /// As the engine keeps it.
    pub(crate) fn to_cursor(&self) -> Cursor {
        Cursor::new(match self {
            Mark::Sync(token) => format!("sync:{token}"),
            Mark::Tag(tag) => format!("ctag:{tag}"),
            Mark::Nothing => "none:".to_owned(),
            Mark::More(Listing::Full, token) => format!("more-full:{token}"),
            Mark::More(Listing::Delta, token) => format!("more-delta:{token}"),
        })
    }

    /// As the engine hands it back; `None` for one that is not ours.
    pub(crate) fn read(cursor: &Cursor) -> Option<Self> {
        let (kind, rest) = cursor.as_str().split_once(':')?;
        let rest = rest.to_owned();
        Some(match kind {
            "sync" => Mark::Sync(rest),
            "ctag" => Mark::Tag(rest),
            "none" => Mark::Nothing,
            "more-full" => Mark::More(Listing::Full, rest),
            "more-delta" => Mark::More(Listing::Delta, rest),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: icloud-31
    #[test]
    fn tokens_are_opaque_and_come_back_as_they_were() {
        for token in ["HwoQEgwAAF==", "FT=-@RU=1@S=2", "data:,1-4", "http://x/1", ""] {
            let marks = [
                Mark::Sync(token.into()),
                Mark::Tag(token.into()),
                Mark::Nothing,
                Mark::More(Listing::Full, token.into()),
                Mark::More(Listing::Delta, token.into()),
            ];
            for mark in marks {
                assert_eq!(Mark::read(&mark.to_cursor()), Some(mark));
            }
        }
        assert_eq!(Mark::read(&"elsewhere:1".into()), None);
    }
}
