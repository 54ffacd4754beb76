//! Sentences of several lines, as commands say them, as paragraphs and lists.

use maud::{Markup, html};

use crate::terminal::escaped;

enum Block {
    Words(String),
    List { is_numbered: bool, items: Vec<String> },
}

/// The sentences.
pub(super) fn blocks(text: &str) -> Markup {
    html! {
        @for block in read(text) {
            @match block {
                Block::Words(words) => p { (capital(&words)) },
                Block::List { is_numbered: true, items } => ol { (list(&items)) },
                Block::List { is_numbered: false, items } => ul { (list(&items)) },
            }
        }
    }
}

/// Sentences of commands go on behind a colon.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    // A name is written as it is.
    if words.starts_with("iCloud") { words.to_owned() } else { first + letters.as_str() }
}

fn list(items: &[String]) -> Markup {
    html! { @for item in items { li { (item) } } }
}

fn read(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        let words = escaped(line.trim()).into_owned();
        let item = words.strip_prefix("- ").map(|item| (false, item)).or_else(|| {
            let (number, item) = words.split_once(". ")?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then_some((true, item))
        });
        let is_inside = line.starts_with("    ");
        match (item, blocks.last_mut()) {
            (Some((_, item)), Some(Block::List { items, .. })) => items.push(item.to_owned()),
            (Some((is_numbered, item)), _) => {
                blocks.push(Block::List { is_numbered, items: vec![item.to_owned()] });
            }
            (None, Some(Block::List { items, .. })) if is_inside => {
                if let Some(last) = items.last_mut() {
                    *last = format!("{last} {words}");
                }
            }
            (None, Some(Block::Words(before))) => *before = format!("{before} {words}"),
            (None, _) => blocks.push(Block::Words(words)),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_is_told_reads_well_on_a_page() {
        let said = blocks(crate::icloud::REFUSED).into_string();
        assert!(said.starts_with("<p>iCloud refused"), "{said}");
        assert_eq!(said.matches("<li>").count(), 4, "{said}");
        assert!(said.contains("password revokes every app-specific password at once.</li></ul>"));
        let asked = blocks(crate::icloud::QUESTIONED).into_string();
        assert!(asked.matches("<li>").count() == 4 && asked.contains("<ol>"), "{asked}");
        assert!(asked.ends_with("use --force.</p>"), "{asked}");
    }
}
