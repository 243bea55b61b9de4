//! Turns the hub's error responses into errors with hints.

use super::endpoint::excerpt;
use super::http::{Answer, Client, Trouble, is_passing};
use super::id::ModelId;
use crate::{Error, ErrorKind};

/// Characters that messages show of a server's own message.
const MAX_MESSAGE: usize = 200;

impl Client {
    /// The error for an unexpected response. `file` is the requested file, or `None` for the list of files.
    pub fn refusal(&self, id: &ModelId, file: Option<&str>, answer: &Answer) -> Trouble {
        let (repo, endpoint) = (id.repo(), self.endpoint());
        let what = match file {
            Some(file) => format!("{file} of {repo}"),
            None => repo.clone(),
        };
        let failed = |why: &str| {
            let error = Error::input(format!("cannot download {what}: {why}"));
            error.detail(found(answer))
        };
        let tokens = format!("{endpoint}/settings/tokens");
        let error = match (answer.status, answer.header("x-error-code")) {
            (401 | 403, Some("GatedRepo")) => {
                let terms = format!("{endpoint}/{repo}");
                failed("it is a gated repository, whose terms you have to accept").hint(match self.has_token() {
                    true => format!(
                        "accept the terms at {terms} with the account of the token in use; the token has to \
                         allow reading gated repositories ({tokens})"
                    ),
                    false => format!(
                        "accept the terms at {terms}, then set HF_TOKEN to a token of that account ({tokens})"
                    ),
                })
            }
            (401, Some("RepoNotFound") | None) if !self.has_token() => {
                failed("there is no such repository, or it is private")
                    .hint(format!("check the name; for a private one, set HF_TOKEN to a token ({tokens})"))
            }
            (401, Some("RepoNotFound")) => {
                failed("there is no such repository, or the token in use may not see it")
                    .hint("check the name")
            }
            (401, _) => failed("the hub does not accept the token in use")
                .hint(format!("set HF_TOKEN to a valid token ({tokens}), or to nothing")),
            (403, _) => failed("access is denied").hint(match self.has_token() {
                true => format!("may the token read this repository? ({tokens})"),
                false => format!("set HF_TOKEN to a token that may read it ({tokens})"),
            }),
            (404, Some("RevisionNotFound")) => failed(&format!("it has no revision {}", id.revision()))
                .hint("check the name of the branch, tag or commit"),
            (404, _) if file.is_some() => failed(&format!("revision {} has no such file", id.revision())),
            (404, _) => {
                failed(&format!("there is no such repository, or it has no revision {}", id.revision()))
                    .hint("check the name: owner/name as in the repository's address")
            }
            (429, _) => unavailable(&what, "the hub received too many requests from this address", answer)
                .hint(match self.has_token() {
                    true => "try again in a few minutes".to_owned(),
                    false => format!("try again in a few minutes, or set HF_TOKEN to a token ({tokens})"),
                }),
            (500.., _) => {
                unavailable(&what, "the server has an internal error", answer).hint("try again later")
            }
            _ => unavailable(&what, "the server sent an unexpected response", answer)
                .hint(format!("is {endpoint} a hub? HF_ENDPOINT can name another")),
        };
        Trouble { error, may_pass: is_passing(answer.status) }
    }
}

fn unavailable(what: &str, why: &str, answer: &Answer) -> Error {
    Error::new(ErrorKind::Io, format!("cannot download {what}: {why}")).detail(found(answer))
}

/// The status, and the server's own message if it sent one.
fn found(answer: &Answer) -> String {
    let status = format!("found HTTP status {}", answer.status);
    match answer.header("x-error-message").map(|words| excerpt(words, MAX_MESSAGE)) {
        Some(words) if !words.is_empty() => format!("{status}: {words}"),
        _ => status,
    }
}
