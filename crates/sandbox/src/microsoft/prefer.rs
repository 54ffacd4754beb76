//! What a client prefers: kinds of ids, zone of times, form of bodies, size of pages.
//!
//! A preference is good for one request, the next page is another one.
// quirk: microsoft-18

use super::failure::Failure;
use super::zones;

/// The largest page of a round of changes.
const LARGEST_PAGE: usize = 1000;

/// Which ids are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdKind {
    /// Those that change when an event moves.
    Classic,
    Immutable,
}

/// Preferences of a request.
#[derive(Clone, Debug)]
pub(super) struct Prefer {
    pub(super) ids: IdKind,
    /// The zone that times are shown in.
    pub(super) zone: Option<String>,
    pub(super) is_text: bool,
    pub(super) page: Option<usize>,
    /// What is said to have been applied.
    pub(super) applied: Vec<String>,
}

impl Prefer {
    pub(super) fn read(header: Option<&str>) -> Result<Self, Failure> {
        let mut prefer = Self {
            ids: IdKind::Classic,
            zone: None,
            is_text: false,
            page: None,
            applied: Vec::new(),
        };
        for token in tokens(header.unwrap_or_default()) {
            let (name, value) = token.split_once('=').unwrap_or((&token, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "idtype" if value == "ImmutableId" => prefer.ids = IdKind::Immutable,
                "outlook.timezone" => {
                    if zones::find(value).is_none() {
                        return Err(Failure::zone(value));
                    }
                    prefer.zone = Some(value.to_owned());
                }
                "outlook.body-content-type" if value.eq_ignore_ascii_case("text") => {
                    prefer.is_text = true;
                }
                "outlook.body-content-type" if value.eq_ignore_ascii_case("html") => {}
                "odata.maxpagesize" => match value.parse::<usize>() {
                    Ok(size) if size > 0 => prefer.page = Some(size.min(LARGEST_PAGE)),
                    _ => return Err(Failure::parameter("Invalid value of odata.maxpagesize.")),
                },
                _ => continue,
            }
            prefer.applied.push(token.clone());
        }
        Ok(prefer)
    }
}

/// The parts of a header, which are parted by commas outside of quotes.
fn tokens(header: &str) -> Vec<String> {
    let mut is_quoted = false;
    let parts = header.split(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-68
    #[test]
    fn preferences_are_parted_by_commas_outside_of_quotes() {
        let header = "IdType=\"ImmutableId\", odata.maxpagesize=50,outlook.timezone=\"W. Europe \
                      Standard Time\"";
        let prefer = Prefer::read(Some(header)).unwrap();
        assert_eq!((prefer.ids, prefer.page), (IdKind::Immutable, Some(50)));
        assert_eq!(prefer.zone.as_deref(), Some("W. Europe Standard Time"));
        assert!(!prefer.is_text && prefer.applied.len() == 3);
        assert!(Prefer::read(Some("outlook.timezone=\"Europe/Oslo\"")).is_err());
        assert!(Prefer::read(Some("odata.maxpagesize=0")).is_err());
    }
}
