//! The lines that a person must see, under one target and with an id that the journal can be asked
//! for. Whether something is said now is decided in the engine; this says it.

use tracing::{error, info, warn};

/// The events, each with its MESSAGE_ID. docs/operating.md lists them; they never change.
pub const MESSAGE_IDS: [(&str, &str); 9] = [
    ("reconnect-needed", "0bdee03788924618bb60d72c7df4d1e4"),
    ("reconnected", "dfbd2a2d7b2048729cc54f2155021625"),
    ("halted", "ea722d0787d84a37a3d3cdef83b5a186"),
    ("conflict", "ff29355497a1426dad15b5499dd6ac6f"),
    ("problem", "7fb5358accd44e8baf9cf978346bae74"),
    ("misconfigured", "32c7caa7856b4707943d4d4ea8d6c745"),
    ("attention", "3d8753b98acb4dfe999c6bbaefd94b74"),
    ("expiring", "6cc855eba4b3479f812ca32ac33ec4ab"),
    ("configuration", "8c6524ff89d04439a92dbff33d859d8d"),
];

/// Something that a person must know, in words without private content.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// Which of [`MESSAGE_IDS`].
    pub event: &'a str,
    /// The account, if it is about one.
    pub account: Option<&'a str>,
    /// The pair, if it is about one.
    pub pair: Option<&'a str>,
    /// Why.
    pub reason: &'a str,
    /// What to do.
    pub action: Option<&'a str>,
}

impl Notice<'_> {
    fn about(&self) -> String {
        match (self.account, self.pair) {
            (Some(account), _) => format!("account {account}"),
            (None, Some(pair)) => format!("pair {pair}"),
            (None, None) => String::from("calpair"),
        }
    }
}

/// Says that a person is needed: one line at ERROR.
pub fn needed(notice: &Notice<'_>) {
    let Notice { event, account, pair, reason, action } = *notice;
    let message_id = message_id(event);
    error!(
        target: "calpair::alert", event, account, pair, reason, action, message_id,
        "{}: {event}", notice.about()
    );
}

/// Says that a person will be needed, unless one does something before: one line at WARN.
pub fn ahead(notice: &Notice<'_>) {
    let Notice { event, account, pair, reason, action } = *notice;
    let message_id = message_id(event);
    warn!(
        target: "calpair::alert", event, account, pair, reason, action, message_id,
        "{}: {event}", notice.about()
    );
}

/// Says that nobody is needed any more: one line at INFO.
pub fn over(notice: &Notice<'_>) {
    let Notice { event, account, pair, reason, action } = *notice;
    let message_id = message_id(event);
    // The word says it already.
    let over = if event == "reconnected" { "" } else { " is over" };
    info!(
        target: "calpair::alert", event, account, pair, reason, action, message_id,
        "{}: {event}{over}", notice.about()
    );
}

fn message_id(event: &str) -> Option<&'static str> {
    MESSAGE_IDS.iter().find(|(name, _)| *name == event).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_well_formed_and_documented() {
        let document = include_str!("../../../../docs/operating.md");
        for (at, (event, id)) in MESSAGE_IDS.iter().enumerate() {
            assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{event}");
            assert!(MESSAGE_IDS[..at].iter().all(|(_, other)| other != id), "{event}");
            let row = document.lines().find(|line| line.contains(id)).expect(event);
            assert!(row.contains(&format!("`{event}`")), "{row}");
        }
        assert_eq!(message_id("halted"), Some("ea722d0787d84a37a3d3cdef83b5a186"));
        assert_eq!(message_id("other"), None);
    }
}
