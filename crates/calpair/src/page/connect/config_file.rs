//! A pair that is proposed, as lines of the configuration, and their way into it: comments and
//! order stay, nothing is written that isn't valid as a whole, and the file is replaced whole.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use model::Sides;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, value};

use crate::config;

/// A pair, as somebody chose it.
pub(super) struct Proposal {
    pub(super) name: String,
    /// Account and calendar.
    pub(super) ends: Sides<(String, String)>,
}

impl Proposal {
    /// The lines.
    pub(super) fn text(&self) -> String {
        let mut document = DocumentMut::new();
        let mut pairs = ArrayOfTables::new();
        pairs.push(self.table());
        document.insert("pairs", Item::ArrayOfTables(pairs));
        document.to_string()
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.insert("name", value(&self.name));
        for (side, (account, calendar)) in self.ends.iter() {
            let mut end = InlineTable::new();
            end.insert("account", account.into());
            end.insert("calendar", calendar.into());
            table.insert(side.as_str(), value(end));
        }
        table
    }

    /// The configuration with the pair at its end. The error is a sentence.
    fn in_text(&self, text: &str, file: &str) -> Result<String, String> {
        let mut document: DocumentMut =
            text.parse().map_err(|_| format!("{file} can't be read just now"))?;
        let pairs = document.entry("pairs").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        let Some(pairs) = pairs.as_array_of_tables_mut() else {
            return Err(format!("{file} lists its pairs in another way than [[pairs]]"));
        };
        let mut table = self.table();
        table.decor_mut().set_prefix("\n");
        pairs.push(table);
        let mut new = document.to_string();
        // Lines end as they did.
        if text.contains("\r\n") {
            new = new.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        let wrong = |found: config::Findings| found.lines().join("\n");
        config::parse(&new, file).map_err(wrong)?;
        Ok(new)
    }
}

/// Writes the pair into the file; the daemon takes it up by itself. The error is a sentence.
pub(super) fn add(file: &Path, proposal: &Proposal) -> Result<(), String> {
    let name = file.display().to_string();
    let unwritable = |error: std::io::Error| {
        format!("{name} can't be written ({error}); paste these lines into it")
    };
    // What a link leads to is replaced, not the link.
    let file = fs::canonicalize(file).map_err(unwritable)?;
    let text = fs::read_to_string(&file).map_err(unwritable)?;
    let new = proposal.in_text(&text, &name)?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut written = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    written.write_all(new.as_bytes()).map_err(unwritable)?;
    let permissions = fs::metadata(&file).map_err(unwritable)?.permissions();
    written.as_file().set_permissions(permissions).map_err(unwritable)?;
    written.as_file().sync_all().map_err(unwritable)?;
    written.persist(&file).map_err(|error| unwritable(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n[accounts.home] # Apple\nprovider = \"icloud\"\n\
                        username = \"a@b.c\"\n\n[accounts.work]\nprovider = \"caldav\"\n\
                        url = \"http://127.0.0.1/\"\nusername = \"me\"\n\n# old\n[[pairs]]\n\
                        name = \"old\" # first\nleft = { account = \"home\", calendar = \"A\" }\n\
                        right = { account = \"work\", calendar = \"B\" }\n[pairs.to_right]\n\
                        detail = \"busy\"\n# the end\n";

    fn proposal(name: &str, calendar: &str) -> Proposal {
        let ends = Sides::new(("home".into(), calendar.into()), ("work".into(), "x/y".into()));
        Proposal { name: name.into(), ends }
    }

    #[test]
    fn what_was_there_stays_as_it_was() {
        let new = proposal("neu", "Fam\"ily] [x").in_text(TEXT, "c.toml").unwrap();
        assert!(new.starts_with(TEXT.trim_end_matches("# the end\n")), "{new}");
        assert!(new.contains("# the end"), "{new}");
        let config = config::parse(&new, "c.toml").unwrap();
        assert_eq!(config.pairs.len(), 2);
        assert_eq!(config.pairs[1].sides.left.calendar, "Fam\"ily] [x");
        let windows = TEXT.replace('\n', "\r\n");
        let new = proposal("neu", "Family").in_text(&windows, "c.toml").unwrap();
        assert!(new.starts_with(windows.trim_end_matches("# the end\r\n")), "{new}");
        assert_eq!(new.matches('\n').count(), new.matches("\r\n").count());
        let shown = proposal("neu", "Family").text();
        assert_eq!(
            shown,
            "[[pairs]]\nname = \"neu\"\n\
             left = { account = \"home\", calendar = \"Family\" }\n\
             right = { account = \"work\", calendar = \"x/y\" }\n"
        );
    }

    #[test]
    fn what_is_not_valid_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calpair.toml");
        fs::write(&file, TEXT).unwrap();
        for wrong in [proposal("old", "C"), proposal("a b", "C"), proposal("", "C")] {
            let reason = add(&file, &wrong).unwrap_err();
            assert!(!reason.is_empty());
            assert_eq!(fs::read_to_string(&file).unwrap(), TEXT);
        }
        add(&file, &proposal("neu", "C")).unwrap();
        assert_eq!(config::load(&file).unwrap().pairs.len(), 2);
        let missing = add(&folder.path().join("none"), &proposal("neu", "C")).unwrap_err();
        assert!(missing.contains("paste these lines"), "{missing}");
    }
}
