//! The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram a record, one
//! `NAME=value` a line. Values are escaped, so none spans lines and the binary form isn't needed.

use tracing::Level;

use super::record::Record;
use crate::terminal::escaped;

/// The field that becomes the journal's MESSAGE_ID.
pub(super) const MESSAGE_ID: &str = "message_id";

/// What `journalctl -t` finds.
const IDENTIFIER: &str = "calpair";

/// The longest name that journald takes.
const LONGEST_NAME: usize = 64;

/// A datagram must fit into a socket's buffer, of which every system has this much.
const LARGEST: usize = 64 * 1024;

/// The datagram of a record; fields that would make it too large are left out.
pub(super) fn datagram(record: &Record<'_>) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut put = |name: &str, value: &str| {
        let line = format!("{name}={}\n", escaped(value));
        if lines.len() + line.len() <= LARGEST {
            lines.extend_from_slice(line.as_bytes());
        }
    };
    put("PRIORITY", priority(record.level));
    put("SYSLOG_IDENTIFIER", IDENTIFIER);
    put("TARGET", record.target);
    put("MESSAGE", &record.message());
    for (name, value) in record.fields.others() {
        if let Some(name) = journal_name(name) {
            put(&name, &value.text());
        }
    }
    lines
}

/// syslog's levels.
const fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

/// A field's name as journald takes it: capitals, digits and underscores, a letter in front; and
/// none of the names that a record has already.
fn journal_name(name: &str) -> Option<String> {
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .take(LONGEST_NAME)
        .collect();
    let own = ["PRIORITY", "SYSLOG_IDENTIFIER", "TARGET", "MESSAGE"];
    (name.starts_with(|c: char| c.is_ascii_uppercase()) && !own.contains(&name.as_str()))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tracing::{error, subscriber::with_default};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry::Registry;

    use super::super::{Lines, form::Form};

    #[test]
    fn a_record_is_one_datagram_of_single_lines() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let lines = Lines { form: Form::Journal(ours), write: |line: &str| panic!("{line}") };
        with_default(Registry::default().with(lines), || {
            error!(
                target: "calpair::alert", message_id = "0bde", pair = "family", odd.name = 1,
                priority = 9, _hidden = 1, "halted\nPRIORITY=0"
            );
        });
        let mut buffer = [0; 1000];
        let length = theirs.recv(&mut buffer).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&buffer[..length]),
            "PRIORITY=3\nSYSLOG_IDENTIFIER=calpair\nTARGET=calpair::alert\n\
             MESSAGE=halted\\nPRIORITY=0\nMESSAGE_ID=0bde\nPAIR=family\nODD_NAME=1\n"
        );
    }

    #[test]
    fn without_a_journal_the_line_goes_to_stderr() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        drop(theirs);
        let (sender, receiver) = std::sync::mpsc::channel();
        let write = move |line: &str| sender.send(line.to_owned()).unwrap();
        let lines = Lines { form: Form::Journal(ours), write };
        with_default(Registry::default().with(lines), || error!("halted"));
        assert!(receiver.recv().unwrap().ends_with("ERROR halted"));
    }
}
