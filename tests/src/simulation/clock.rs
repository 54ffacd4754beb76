//! The world's clock as the engine's: waiting moves it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use engine::Clock;
use model::Timestamp;
use sandbox::World;

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
        Once(false).await;
    }
}

/// Ready when it is asked the second time: a place where the process can be killed.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
