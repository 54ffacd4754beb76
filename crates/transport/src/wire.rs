//! The way to the server: the network, or a function in this process that answers in its place,
//! so that whole adapters run in simulations without a socket.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Request, Response};
use provider::{Error, ErrorKind, Result};
use reqwest::{Client, Url};

use crate::allow::place;
use crate::client::{self, Reuse};
use crate::{body, failure};

/// What a server in this process gives: an answer, or `None` for a connection that was lost
/// before one.
pub type Answering = Pin<Box<dyn Future<Output = Option<Response<Bytes>>> + Send>>;

/// A server in this process.
pub type Answer = Arc<dyn Fn(Request<Bytes>) -> Answering + Send + Sync>;

/// What carries requests and answers.
#[derive(Clone, Default)]
pub enum Wire {
    /// The network.
    #[default]
    Network,
    /// A function in this process. It sees the whole request, the credential included.
    InProcess(Answer),
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wire::Network => "Network",
            Wire::InProcess(_) => "InProcess",
        })
    }
}

/// Which connection a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that was used before, where there is one.
    Kept,
    /// One of its own: a kept one turned out dead.
    Fresh,
}

/// The connections of one account.
#[derive(Debug)]
pub(crate) enum Line {
    Network {
        client: Client,
        /// Keeps no connection; made when a kept one turns out dead.
        fresh: OnceLock<Client>,
    },
    InProcess(InProcess),
}

/// The function, which can't be printed.
pub(crate) struct InProcess(Answer);

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl Line {
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the system's root certificates can't be used.
    pub(crate) fn new(wire: &Wire, origin: &Url, in_flight: usize) -> Result<Self> {
        match wire {
            Wire::Network => {
                let client = client::build(origin, Reuse::UpTo(in_flight))?;
                Ok(Line::Network { client, fresh: OnceLock::new() })
            }
            Wire::InProcess(answer) => Ok(Line::InProcess(InProcess(Arc::clone(answer)))),
        }
    }

    /// One exchange, read whole. The inner error is a connection that was lost before an answer.
    pub(crate) async fn exchange(
        &self,
        connection: Connection,
        origin: &Url,
        request: Request<Bytes>,
        url: &Url,
    ) -> Result<Result<Response<Bytes>>> {
        let client = match self {
            Line::InProcess(wire) => return in_process(&wire.0, request, url).await,
            Line::Network { client, .. } if connection == Connection::Kept => client,
            Line::Network { fresh, .. } => match fresh.get() {
                Some(fresh) => fresh,
                None => {
                    let client = client::build(origin, Reuse::Never)?;
                    fresh.get_or_init(|| client)
                }
            },
        };
        over_network(client, request, url).await
    }
}

async fn over_network(
    client: &Client,
    request: Request<Bytes>,
    url: &Url,
) -> Result<Result<Response<Bytes>>> {
    let (parts, content) = request.into_parts();
    let mut outgoing = reqwest::Request::new(parts.method, url.clone());
    *outgoing.headers_mut() = parts.headers;
    if !content.is_empty() {
        *outgoing.body_mut() = Some(content.into());
    }
    let response = match client.execute(outgoing).await {
        Ok(response) => response,
        Err(error) => {
            let lost = failure::is_lost_connection(&error);
            let error = failure::no_answer(url, error);
            return if lost { Ok(Err(error)) } else { Err(error) };
        }
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = Response::new(body::read(url, response).await?);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(Ok(answer))
}

async fn in_process(
    answer: &Answer,
    mut request: Request<Bytes>,
    url: &Url,
) -> Result<Result<Response<Bytes>>> {
    *request.uri_mut() = url.as_str().parse().map_err(|error: http::uri::InvalidUri| {
        Error::new(ErrorKind::Malformed, "an address can't be read").because(error)
    })?;
    match answer(request).await {
        Some(response) if response.body().len() > body::LARGEST => {
            Err(failure::too_large(url, body::LARGEST))
        }
        Some(response) => Ok(Ok(response)),
        None => {
            let sentence = format!("{} closed the connection without an answer", place(url));
            Ok(Err(Error::new(ErrorKind::Unavailable, sentence)))
        }
    }
}
