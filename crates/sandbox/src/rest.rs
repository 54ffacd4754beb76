//! What the services that speak JSON have in common: a request as it came, an answer as it goes,
//! what tests can look at afterwards, and sockets for clients that need them.

mod exchange;
mod serve;

pub use self::exchange::Exchange;
pub(crate) use self::exchange::{Ask, Fate, Kept, Reply};
pub use self::serve::Running;
pub(crate) use self::serve::{Dialect, serve};
