//! Chance: create keys and jitter come from here and from nowhere else, seeded in tests.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::CreateKey;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The one source of randomness.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<StdRng>>);

impl Chance {
    /// Seeded by the operating system.
    pub fn from_system() -> Self {
        Self(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    /// Seeded by a number: the same number, the same run.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// A key never used before: 128 random bits in hexadecimal.
    pub fn create_key(&self) -> CreateKey {
        let bits: u128 = self.with(|random| random.random());
        let mut text = String::with_capacity(32);
        write!(text, "{bits:032x}").expect("writing to a String does not fail");
        CreateKey::new(text)
    }

    /// Random bytes, good enough for secrets when the operating system seeded them.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        self.with(|random| random.random())
    }

    /// A duration between 90 and 110 per cent of `duration`, so that pairs drift apart.
    pub fn jitter(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.with(|random| random.random_range(0.9..1.1)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
