//! Who may ask: the `Host` and `Origin` of a request, and its key.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::ApiError;
use crate::error::{Error, Result};
use crate::shown;

/// Who may ask.
#[derive(Clone, Default)]
pub struct Guard {
    /// The SHA-256 of each key. Without keys, everybody may ask.
    keys: Vec<[u8; 32]>,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Guard {
    /// Lets those ask who know one of `keys`, by one of the names `hosts`, from pages of `origins`.
    ///
    /// IP addresses and `localhost` need not be named: DNS rebinding needs a name that the attacker controls.
    pub fn new(keys: &[String], hosts: &[String], origins: &[String]) -> Self {
        Self {
            keys: keys.iter().map(|key| Sha256::digest(key).into()).collect(),
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: origins.iter().map(|origin| origin.to_ascii_lowercase()).collect(),
        }
    }

    /// Reads keys from the text of a file: one a line, without blank lines and lines that begin with `#`.
    ///
    /// # Errors
    /// If there is no key, or a key has characters that a header cannot have.
    pub fn keys(label: &str, text: &str) -> Result<Vec<String>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<String> = lines.map(str::to_owned).collect();
        let is_usable = |key: &String| key.bytes().all(|byte| byte.is_ascii_graphic());
        match keys.iter().position(|key| !is_usable(key)) {
            Some(index) => Err(Error::input(format!("cannot use the keys in {label}"))
                .detail(format!("key {} has a character that is not printable ASCII", index + 1))),
            None if keys.is_empty() => {
                Err(Error::input(format!("cannot use the keys in {label}")).detail("found no key"))
            }
            None => Ok(keys),
        }
    }

    /// Checks the `Host` and the `Origin` of a request.
    ///
    /// # Errors
    /// If the host is a name that is not this server's, or the page is of another server that was not named.
    pub fn check_place(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = match (headers.get(header::HOST), uri.authority()) {
            (Some(host), _) => host.to_str().ok().map(str::to_ascii_lowercase),
            (None, Some(authority)) => Some(authority.as_str().to_ascii_lowercase()),
            (None, None) => None,
        };
        let refused = |code, what: &str, found: &str| {
            let found = shown::start(found, 100);
            ApiError::with_status(StatusCode::FORBIDDEN, code, format!("cannot answer: found {what} {found}"))
        };
        let Some(host) = host.filter(|_| headers.get_all(header::HOST).iter().count() <= 1) else {
            return Err(refused("host", "Host", "that is missing or unreadable"));
        };
        let name = without_port(&host);
        if !is_address(name) && name != "localhost" && !self.hosts.iter().any(|known| known == name) {
            return Err(refused(
                "host",
                "Host",
                &format!("{host}, expected an IP address, localhost or a name of --allow-host"),
            ));
        }
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let is_own = origin.strip_prefix("http://").is_some_and(|own| own == host);
        if is_own || self.origins.contains(&origin) {
            return Ok(());
        }
        Err(refused(
            "origin",
            "Origin",
            &format!("{origin}, expected this server or a page of --cors-origin"),
        ))
    }

    /// Checks the key of a request, in a time that does not depend on it.
    ///
    /// # Errors
    /// If the server has keys, and the request has none of them.
    pub fn check_key(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        let (scheme, key) = given.split_at(given.len().min("Bearer ".len()));
        let digest: [u8; 32] = Sha256::digest(key).into();
        let mut is_known = subtle::Choice::from(0);
        for known in &self.keys {
            is_known |= known.ct_eq(&digest);
        }
        if scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(is_known) {
            return Ok(());
        }
        Err(ApiError::with_status(
            StatusCode::UNAUTHORIZED,
            "invalid_api_key",
            "the request has no known key: expected the header Authorization: Bearer KEY",
        )
        .with_header(header::WWW_AUTHENTICATE, "Bearer"))
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the keys.
        f.debug_struct("Guard")
            .field("hosts", &self.hosts)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

/// The name or the address in `name:port` and `[address]:port`.
fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_address(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn names_and_pages_of_others_are_refused() {
        let guard = Guard::new(&[], &["llm.example".into()], &["https://page.example".into()]);
        let check = |pairs: &[(&'static str, &str)]| {
            guard.check_place(&Uri::from_static("/"), &headers(pairs)).is_ok()
        };
        for host in
            ["127.0.0.1:8000", "[::1]:8000", "localhost", "localhost:1", "10.0.0.7:80", "LLM.example:8000"]
        {
            assert!(check(&[("host", host)]), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8000",
            "",
            ":8000",
            "evil:127.0.0.1",
        ] {
            assert!(!check(&[("host", host)]), "{host}");
        }
        assert!(!check(&[]));
        let page = |origin| check(&[("host", "127.0.0.1:8000"), ("origin", origin)]);
        assert!(page("http://127.0.0.1:8000") && page("https://page.example"));
        for origin in [
            "null",
            "http://127.0.0.1:9000",
            "https://127.0.0.1:8000",
            "https://page.example.evil",
            "http://page.example",
        ] {
            assert!(!page(origin), "{origin}");
        }
    }

    #[test]
    fn keys_are_compared_whole() {
        let keys = Guard::keys("keys", "# those of the class\n\nsecret-1\n secret-2 \n").unwrap();
        let guard = Guard::new(&keys, &[], &[]);
        let check = |value: &str| guard.check_key(&headers(&[("authorization", value)])).is_ok();
        assert!(check("Bearer secret-1") && check("bearer secret-2"));
        for value in
            ["", "Bearer", "Bearer ", "Bearer secret", "Bearer secret-11", "Basic secret-1", "secret-1"]
        {
            assert!(!check(value), "{value}");
        }
        assert!(guard.check_key(&HeaderMap::new()).is_err());
        assert!(!format!("{guard:?}").contains("secret"));
        assert!(Guard::keys("keys", "\n# none\n").is_err());
        assert!(Guard::keys("keys", "a b").is_err());
    }
}
