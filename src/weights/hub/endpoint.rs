//! The hub's address, with its secrets kept separate.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use ureq::http::Uri;

use crate::{Error, Result, shown};

/// Characters that messages show of an address.
const MAX_SHOWN: usize = 200;

/// A hub. Its `address` contains no secret, so messages may show it.
pub(super) struct Endpoint {
    /// Without user, password and trailing slash.
    pub address: String,
    origin: Uri,
    /// The `Authorization` header for the user and password of the given address.
    user: Option<String>,
}

impl Endpoint {
    pub fn new(text: &str) -> Result<Self> {
        let wrong = || {
            Error::input(format!("cannot use {:?} as the address of a hub", redacted(text)))
                .detail("expected http:// or https:// and a host, such as https://huggingface.co")
                .hint("HF_ENDPOINT sets the address")
        };
        let full: Uri = text.trim_end_matches('/').parse().map_err(|_| wrong())?;
        let authority =
            full.authority().filter(|authority| !authority.host().is_empty()).ok_or_else(wrong)?;
        let scheme =
            full.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or_else(wrong)?;
        // Paths are appended to the address.
        if text.contains(['?', '#']) {
            return Err(wrong());
        }
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        let address = format!("{scheme}://{host}{}", full.path()).trim_end_matches('/').to_owned();
        let user = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            let pair = [name, password].map(|part| percent_decode_str(part).collect::<Vec<u8>>()).join(&b':');
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        });
        let origin = address.parse().map_err(|_| wrong())?;
        Ok(Self { address, origin, user })
    }

    /// The `Authorization` header for this server; `None` for every other server.
    pub fn authorization(&self, uri: &Uri, token: Option<&str>) -> Option<String> {
        match token {
            _ if !self.serves(uri) => None,
            Some(token) => Some(format!("Bearer {token}")),
            None => self.user.clone(),
        }
    }

    /// Whether an address has this server's scheme, host and port.
    pub fn serves(&self, uri: &Uri) -> bool {
        let port =
            |uri: &Uri| uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
        let own = &self.origin;
        own.scheme_str() == uri.scheme_str() && host(own) == host(uri) && port(own) == port(uri)
    }
}

/// An address for messages, without user and password, and without the query, which is a signature on storage
/// servers.
pub(super) fn redacted(address: &str) -> String {
    let plain = address.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = match plain.find("://") {
        Some(at) => plain.split_at(at + 3),
        None => ("", plain),
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    excerpt(&format!("{scheme}{rest}"), MAX_SHOWN)
}

/// The start of a text from a server.
pub(super) fn excerpt(text: &str, max_chars: usize) -> String {
    shown::start(text, max_chars).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_scheme_host_and_port() {
        let serves =
            |endpoint: &str, uri: &str| Endpoint::new(endpoint).unwrap().serves(&uri.parse().unwrap());
        assert!(serves("https://hub.example/a", "https://HUB.example:443/b"));
        assert!(!serves("https://hub.example/", "http://hub.example/"));
        assert!(!serves("https://hub.example/", "https://hub.example:8443/"));
        assert!(!serves("https://hub.example/", "https://cdn.hub.example/"));
        assert!(!serves("https://hub.example/", "https://hub.example.evil/"));
        // The part before an @ is a user name, not the host.
        assert!(!serves("https://hub.example/", "https://hub.example@evil/"));
        assert!(!serves("https://hub.example@evil/", "https://hub.example/"));
    }

    #[test]
    fn a_password_leaves_the_address() {
        let endpoint = Endpoint::new("https://me:pass%3Aword@hub.example:8443/mirror/").unwrap();
        assert_eq!(endpoint.address, "https://hub.example:8443/mirror");
        let uri = "https://hub.example:8443/mirror/x".parse().unwrap();
        // "me:pass:word"
        assert_eq!(endpoint.authorization(&uri, None).as_deref(), Some("Basic bWU6cGFzczp3b3Jk"));
        assert_eq!(endpoint.authorization(&uri, Some("t")).as_deref(), Some("Bearer t"));
        assert_eq!(endpoint.authorization(&"https://cdn.example/x".parse().unwrap(), Some("t")), None);
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        for (address, shown) in [
            ("https://me:secret@hub.example/a?secret=1#secret", "https://hub.example/a"),
            ("ftp://secret@hub.example", "ftp://hub.example"),
            ("me:secret@hub.example", "hub.example"),
            ("https://me:sec/ret@hub.example", "https://hub.example"),
            ("https://me:se@cret@hub.example", "https://hub.example"),
        ] {
            assert_eq!(redacted(address), shown);
        }
        assert!(redacted(&"x".repeat(1 << 20)).len() < 300);
    }
}
