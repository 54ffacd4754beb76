//! What the engine stores for us between two cycles, and hands back.

use model::Cursor;
use sha2::{Digest as _, Sha256};

/// A cursor, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Google's token after the last change that was listed.
    Sync(String),
    /// Within a listing: the pass whose rows are held here, and the page to go on with.
    Page(u64, String),
    /// All pages are read; what was held back of this pass is handed over.
    Rest(u64),
}

impl Mark {
    /// As the engine keeps it. The parameters of the listing are a part: a token is worth nothing
    /// with others.
    // quirk: google-14
    pub(crate) fn to_cursor(&self, parameters: &str) -> Cursor {
        let sum = sum(parameters);
        Cursor::new(match self {
            Mark::Sync(token) => format!("sync:{sum}:{token}"),
            Mark::Page(pass, page) => format!("page:{sum}:{pass}:{page}"),
            Mark::Rest(pass) => format!("rest:{sum}:{pass}"),
        })
    }

    /// As the engine hands it back; `None` for one that is not ours, or of other parameters.
    // quirk: google-14
    pub(crate) fn read(cursor: &Cursor, parameters: &str) -> Option<Self> {
        let (kind, rest) = cursor.as_str().split_once(':')?;
        let (sum, rest) = rest.split_once(':')?;
        if sum != self::sum(parameters) {
            return None;
        }
        Some(match kind {
            "sync" => Mark::Sync(rest.to_owned()),
            "page" => {
                let (pass, page) = rest.split_once(':')?;
                Mark::Page(pass.parse().ok()?, page.to_owned())
            }
            "rest" => Mark::Rest(rest.parse().ok()?),
            _ => return None,
        })
    }
}

fn sum(parameters: &str) -> String {
    Sha256::digest(parameters)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: google-14
    #[test]
    fn a_cursor_comes_back_unless_the_parameters_changed() {
        for mark in [Mark::Sync("CPDA:lv=".into()), Mark::Page(3, "a:b".into()), Mark::Rest(4)] {
            let cursor = mark.to_cursor("singleEvents=false");
            assert_eq!(Mark::read(&cursor, "singleEvents=false"), Some(mark));
            assert_eq!(Mark::read(&cursor, "singleEvents=true"), None);
        }
        assert_eq!(Mark::read(&"no such cursor".into(), ""), None);
    }
}
