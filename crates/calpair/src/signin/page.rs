//! What the browser shows at the end of a sign-in: a few words, nothing loaded, nothing run.

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// There is a code.
    Done,
    /// There is none, and will be none.
    Declined,
    /// It answers another sign-in.
    Foreign,
    /// Nothing is here.
    Nothing,
}

impl Page {
    /// The whole answer, headers included.
    pub(super) fn answer(self) -> Vec<u8> {
        let (status, words) = match self {
            Page::Done => ("200 OK", "Signed in. You can close this page; calpair goes on."),
            Page::Declined => {
                ("200 OK", "No consent was given. You can close this page; calpair says more.")
            }
            Page::Foreign => {
                ("400 Bad Request", "This answers another sign-in. Run calpair connect again.")
            }
            Page::Nothing => ("404 Not Found", "Nothing is here."),
        };
        let body = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>calpair</title>\
             <p>{words}</p></html>\n"
        );
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n\
             content-length: {length}\r\ncache-control: no-store\r\n\
             referrer-policy: no-referrer\r\n\
             content-security-policy: default-src 'none'\r\nconnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}
