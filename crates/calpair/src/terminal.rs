//! What a terminal is shown: text made harmless, and how far a long command has come.
//!
//! Titles come from strangers (an invitation is enough). A control character in one could move
//! the cursor, a direction mark could turn the words around; both are shown as what they are.

use std::borrow::Cow;

/// Letters that are never drawn, made to mark languages.
const TAGS_FIRST: char = '\u{e0000}';
const TAGS_LAST: char = '\u{e007f}';

/// Whether a character acts on a terminal instead of being seen: controls, line and paragraph
/// separators, direction marks, and characters that are never drawn. Joiners stay: emoji and many
/// scripts are written with them.
pub(crate) fn is_unprintable(c: char) -> bool {
    let direction = matches!(
        c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let unseen = matches!(
        c,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | TAGS_FIRST..=TAGS_LAST
    );
    c.is_control() || direction || unseen
}

/// The text with every such character written as an escape: `\n`, `\t`, `\u{1b}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        '\n' | '\r' | '\t' => c.escape_default().to_string(),
        _ if is_unprintable(c) => c.escape_unicode().to_string(),
        _ => String::from(c),
    };
    Cow::Owned(text.chars().map(escape).collect())
}
