//! What systemd is told (sd_notify(3)). Without systemd nothing happens, and nothing fails.

use std::time::Duration;

use sd_notify::NotifyState;

/// `systemctl status` shows one line of about this length.
const LONGEST: usize = 200;

/// The first start is over: pairs are being kept.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// What is going on, in one line, without private content.
pub fn status(text: &str) {
    let text = crate::terminal::escaped(text);
    tell(&[NotifyState::Status(&text[..text.floor_char_boundary(LONGEST)])]);
}

/// The configuration is being read again; [`ready`] ends this.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock"),
    }
}

/// What is under way is finished, nothing new begins.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How often [`alive`] must be said, if systemd watches: half of what it allows.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}

/// Still here.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd doesn't listen");
    }
}
