//! Time is an argument. `Clock` and `Provider` are the only two traits that stand for the world.

use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;

/// What time it is, and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time of day; may jump.
    fn now(&self) -> Timestamp;

    /// Waits; unaffected by jumps of the time of day.
    async fn sleep(&self, duration: Duration);
}
