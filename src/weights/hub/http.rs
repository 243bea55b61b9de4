//! Requests to the hub, with retries and with redirects that do not leak the token.

use std::io::ErrorKind as Io;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, LOCATION, RANGE};
use ureq::http::{HeaderMap, Method, Request, Uri};

use super::Options;
use super::background::Reporter;
use super::body::Body;
use super::endpoint::{Endpoint, redacted};
use crate::{Error, ErrorKind, Result};

const USER_AGENT: &str = concat!("sukashi/", env!("CARGO_PKG_VERSION"));
const MAX_REDIRECTS: usize = 10;
/// A request with all its redirects and retries ends after this many timeouts.
const MAX_TIMEOUTS: u32 = 10;
/// The pauses before the second, third and fourth try.
pub(super) const WAITS: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1000)];
const MAX_HEADER_BYTES: usize = 64 << 10;

/// An error, and whether the same request may succeed later.
#[derive(Debug)]
pub(super) struct Trouble {
    pub error: Error,
    pub may_pass: bool,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self { error, may_pass: false }
    }
}

impl Trouble {
    pub fn passing(error: Error) -> Self {
        Self { error, may_pass: true }
    }
}

/// A server's response, with any status.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Body,
}

impl Answer {
    /// The text of a header; `None` if it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }
}

/// A connection to one hub.
pub(super) struct Client {
    agent: Agent,
    endpoint: Endpoint,
    token: Option<String>,
    pub timeout: Duration,
}

impl Client {
    /// Checks the options that a connection needs.
    pub fn new(options: &Options) -> Result<Self> {
        let endpoint = Endpoint::new(&options.endpoint)?;
        let token = options.token.as_deref().map(str::trim).filter(|token| !token.is_empty());
        // The message must not show the token.
        if token.is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Error::input("cannot use the hub token: it contains an invalid character")
                .hint("HF_TOKEN, or the file token in HF_HOME, must contain only letters, digits and _"));
        }
        let timeout = Some(options.timeout);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // `ask` follows redirects, because it leaves out the token for other hosts.
            .max_redirects(0)
            .user_agent(USER_AGENT)
            .max_response_header_size(MAX_HEADER_BYTES)
            .timeout_resolve(timeout)
            .timeout_connect(timeout)
            .timeout_send_request(timeout)
            .timeout_recv_response(timeout)
            .timeout_per_read(timeout)
            .timeout_per_write(timeout)
            .proxy(options.proxy.clone())
            .build();
        let token = token.map(str::to_owned);
        Ok(Self { agent: config.into(), endpoint, token, timeout: options.timeout })
    }

    /// The hub's address, without secrets and without a trailing slash.
    pub fn endpoint(&self) -> &str {
        &self.endpoint.address
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Requests `url` from byte `offset` on, and follows redirects until `is_enough` accepts a response.
    ///
    /// # Errors
    ///
    /// If there was no response. A response with an error status is not an error here.
    pub fn ask(
        &self,
        method: &Method,
        url: &str,
        offset: u64,
        reporter: &Reporter,
        is_enough: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Trouble> {
        let mut uri = url.parse::<Uri>().map_err(|cause| {
            Error::input(format!("cannot request {url:?}: it is not a URL")).caused_by(cause)
        })?;
        let deadline = Instant::now() + self.timeout * MAX_TIMEOUTS;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.ask_with_retries(method, &uri, offset, deadline, reporter)?;
            if !answer.is_redirect() || is_enough(&answer) {
                return Ok(answer);
            }
            uri = next(&uri, answer.header(LOCATION.as_str()))?;
            if Instant::now() >= deadline {
                let error =
                    Error::new(ErrorKind::Io, format!("cannot download {url}: redirects take too long"));
                return Err(Trouble::passing(error));
            }
        }
        Err(Error::new(ErrorKind::Io, format!("cannot download {url}: more than {MAX_REDIRECTS} redirects"))
            .into())
    }

    /// Requests one address, and tries again after temporary failures.
    fn ask_with_retries(
        &self,
        method: &Method,
        uri: &Uri,
        offset: u64,
        deadline: Instant,
        reporter: &Reporter,
    ) -> Result<Answer, Trouble> {
        let mut waits = WAITS.iter();
        loop {
            reporter.check()?;
            let answer = self.ask_once(method, uri, offset);
            let may_pass = match &answer {
                Ok(answer) => is_passing(answer.status),
                Err(error) => is_cut(error),
            };
            match waits.next().filter(|_| may_pass && Instant::now() < deadline) {
                Some(wait) => std::thread::sleep(*wait),
                None => return answer.map_err(|error| self.unreachable(uri, error)),
            }
        }
    }

    fn ask_once(&self, method: &Method, uri: &Uri, offset: u64) -> Result<Answer, ureq::Error> {
        // Compressed bytes would have another length and another hash.
        let mut request = Request::builder().method(method).uri(uri).header(ACCEPT_ENCODING, "identity");
        if let Some(authorization) = self.endpoint.authorization(uri, self.token.as_deref()) {
            request = request.header(AUTHORIZATION, authorization);
        }
        if offset > 0 {
            request = request.header(RANGE, format!("bytes={offset}-"));
        }
        let (parts, body) = self.agent.run(request.body(())?)?.into_parts();
        let body = Body::new(body, self.timeout);
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    fn unreachable(&self, uri: &Uri, cause: ureq::Error) -> Trouble {
        let error = Error::new(ErrorKind::Io, format!("cannot reach {}", redacted(&uri.to_string())));
        // rustls reports a distrusted certificate in this form.
        let is_distrusted = matches!(&cause, ureq::Error::Io(cause) if cause.kind() == Io::InvalidData);
        let error = match self.endpoint.serves(uri) {
            _ if is_distrusted => {
                error.hint("only the certificates of Mozilla's list are trusted, not the system's own")
            }
            true => error.hint(
                "is there a network? HF_ENDPOINT can name another hub; HF_HUB_OFFLINE=1 uses the cache",
            ),
            false => error.detail(format!("{} redirected to it", self.endpoint())),
        };
        Trouble::passing(error.caused_by(cause))
    }
}

/// Whether a status is temporary: the server is overloaded or under maintenance.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Whether an established connection broke.
fn is_cut(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof
        ),
        _ => false,
    }
}

/// The target of a redirect.
fn next(from: &Uri, location: Option<&str>) -> Result<Uri> {
    let refused = |why: &str| {
        Error::new(ErrorKind::Io, format!("cannot follow a redirect of {}", redacted(&from.to_string())))
            .detail(why.to_owned())
    };
    let location = location.ok_or_else(|| refused("found no Location, expected an address"))?;
    let to = join(from, location).ok_or_else(|| refused("found a Location that is not an http address"))?;
    if from.scheme_str() == Some("https") && to.scheme_str() != Some("https") {
        return Err(refused("found http, expected https: others could read and change what is sent"));
    }
    Ok(to)
}

/// Resolves a Location, which may be a whole address or relative to `from`.
fn join(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    let whole = if location.contains("://") && !location.starts_with(['/', '?']) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let (folder, _) = from.path().rsplit_once('/')?;
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let uri = whole.parse::<Uri>().ok()?;
    (matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_joined() {
        let from: Uri = "https://hub.example:8443/a/b/c?d=e".parse().unwrap();
        for (location, expected) in [
            ("https://cdn.example/x?y=z", "https://cdn.example/x?y=z"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("/x/y", "https://hub.example:8443/x/y"),
            ("/x?u=http://z", "https://hub.example:8443/x?u=http://z"),
            ("x#part", "https://hub.example:8443/a/b/x"),
        ] {
            assert_eq!(next(&from, Some(location)).unwrap().to_string(), expected);
        }
        for location in
            [None, Some("http://hub.example:8443/x"), Some("ftp://x/y"), Some("file:///x"), Some("a b")]
        {
            assert!(next(&from, location).is_err(), "{location:?}");
        }
    }
}
