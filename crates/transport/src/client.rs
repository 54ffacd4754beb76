//! The one place where a client is built: TLS by rustls with ring, no redirects, gzip, and no root
//! certificates where no TLS is spoken (loading them costs more than a quiet cycle may).

use std::sync::Once;
use std::time::Duration;

use provider::{Error, ErrorKind, Result};
use reqwest::{Client, Url};

/// How long to wait for a connection: beyond it nobody is there, or everything is dropped.
const CONNECT: Duration = Duration::from_secs(10);

/// Idle connections are dropped before most servers drop them (nginx 75 s, Apache 5 s, iCloud
/// unknown), so that a first request rarely meets a dead one.
const IDLE: Duration = Duration::from_secs(30);

/// How many idle connections a client keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As many as requests run at once.
    UpTo(usize),
    /// None: every request has its own connection.
    Never,
}

/// Builds a client for one account.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when the system's root certificates can't be used.
pub(crate) fn build(origin: &Url, reuse: Reuse) -> Result<Client> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An error says that one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let idle = match reuse {
        Reuse::UpTo(most) => most,
        Reuse::Never => 0,
    };
    let builder = Client::builder()
        .use_rustls_tls()
        // The system's roots alone: graph-rs-sdk has reqwest bring Mozilla's beside them.
        .tls_built_in_webpki_certs(false)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle)
        .gzip(true)
        .user_agent(concat!("calpair/", env!("CARGO_PKG_VERSION")));
    let builder = if origin.scheme() == "https" {
        builder.https_only(true)
    } else {
        // Loopback: a proxy has no business there.
        builder.tls_built_in_root_certs(false).no_proxy().http1_only()
    };
    builder.build().map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the system's root certificates can't be used")
            .because(error)
    })
}
