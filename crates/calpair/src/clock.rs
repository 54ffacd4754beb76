//! The system's time. Everything that wants to know the time is given this.

use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The time of day.
    #[expect(clippy::disallowed_methods, reason = "the program may ask the system, here only")]
    pub fn read() -> Timestamp {
        Timestamp::now()
    }
}

#[async_trait]
impl engine::Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Self::read()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
