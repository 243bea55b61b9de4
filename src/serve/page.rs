//! The page at `/`: the files of the folder `web`, which are part of the program.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;

use super::json;

/// A file: its path, its type and its content.
type File = (&'static str, &'static str, &'static [u8]);

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the folder `web` under its own name.
macro_rules! own {
    ($name:literal, $content_type:expr) => {
        (concat!("/", $name), $content_type, include_bytes!(concat!("../../web/", $name)))
    };
}

/// What the page loads if a server delivers it.
const FILES: &[File] = &[
    ("/", HTML, include_bytes!("../../web/index.html")),
    ("/api.html", HTML, include_bytes!("api.html")),
    own!("app.css", "text/css; charset=utf-8"),
    own!("icon.svg", "image/svg+xml"),
    own!("app.js", SCRIPT),
    own!("branches.js", SCRIPT),
    own!("candidates.js", SCRIPT),
    own!("choices.js", SCRIPT),
    own!("copying.js", SCRIPT),
    own!("dom.js", SCRIPT),
    own!("engine.js", SCRIPT),
    own!("engine_server.js", SCRIPT),
    own!("figures.js", SCRIPT),
    own!("link.js", SCRIPT),
    own!("sampler.js", SCRIPT),
    own!("session.js", SCRIPT),
    own!("strip.js", SCRIPT),
    own!("tree.js", SCRIPT),
    own!("words.js", SCRIPT),
];

/// What a page of this server may do: ask this server and show pictures that it made itself.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Whether this is a file of the page. A browser asks for them before it can know a key, and they say nothing of the model.
pub fn has(path: &str) -> bool {
    FILES.iter().any(|(known, ..)| *known == path)
}

/// The routes of the files.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, file| router.route(file.0, get(|| async { answer(file) })))
}

fn answer((_, content_type, content): &File) -> Response {
    let mut response = json::answer(StatusCode::OK, content_type, *content);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        // Another version of the program has other files.
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a script imports or a page loads by a relative name.
    fn loaded(text: &str) -> impl Iterator<Item = &str> {
        text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next())
    }

    #[test]
    fn everything_that_the_page_loads_is_delivered() {
        for (path, content_type, content) in FILES {
            if !content_type.starts_with("text/") {
                continue;
            }
            let text = std::str::from_utf8(content).unwrap();
            for name in loaded(text) {
                // The other engine, which a page from a server does not load.
                let is_left_out = name == "engine_browser.js" || name == "verify.html";
                assert!(has(&format!("/{name}")) || is_left_out, "{path} loads {name}");
            }
        }
    }

    #[test]
    fn nothing_stands_where_the_policy_forbids_it() {
        for (path, content_type, content) in FILES {
            let text = std::str::from_utf8(content).unwrap();
            if content_type.starts_with("text/html") {
                for forbidden in ["<style", " style=", "<script>", " onclick=", "http://", "https://"] {
                    assert!(!text.contains(forbidden), "{path} has {forbidden}");
                }
            }
            for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"] {
                assert!(!text.contains(forbidden), "{path} has {forbidden}");
            }
        }
    }
}
