//! The world's clock as the engine's: waiting moves it.

use std::time::Duration;

use async_trait::async_trait;
use engine::Clock;
use model::Timestamp;
use sandbox::World;

use super::ground::Once;

pub(super) struct WorldClock(World);

impl WorldClock {
    pub(super) fn new(world: &World) -> Self {
        Self(world.clone())
    }
}

#[async_trait]
impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration);
        Once::default().await;
    }
}
