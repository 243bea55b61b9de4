//! Which files a repository has, and which of them make a model.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use ureq::http::Method;

use super::background::Reporter;
use super::endpoint::excerpt;
use super::http::{Client, Trouble};
use super::id::{ModelId, is_commit, is_gguf, is_plain_path};
use crate::weights::json;
use crate::weights::safetensors::{INDEX, SINGLE};
use crate::{Error, ErrorKind, Result};

/// A list of a hundred thousand files.
const MAX_LISTING_BYTES: u64 = 16 << 20;

/// Read beside the weights where a repository has them.
const OPTIONAL: [&str; 4] =
    ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"];

/// Names shown of a repository's files, and characters of each.
const MAX_SHOWN: usize = 20;
const MAX_NAME: usize = 100;

/// What an address may hold unchanged.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What the hub says of a revision.
#[derive(Debug)]
pub(super) struct Listing {
    /// The commit that the revision stands for now.
    pub commit: String,
    /// Paths in the repository; those that would leave a folder which they are put in are left out.
    files: Vec<String>,
}

#[derive(Deserialize)]
struct Reply {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Client {
    /// Asks which files a revision has.
    pub fn list(&self, id: &ModelId, reporter: &Reporter) -> Result<Listing, Trouble> {
        let revision = utf8_percent_encode(id.revision(), &KEPT);
        let url = format!("{}/api/models/{}/revision/{revision}", self.endpoint(), id.repo());
        let answer = self.ask(&Method::GET, &url, 0, reporter, |_| false)?;
        if answer.status != 200 {
            return Err(self.refusal(id, None, &answer));
        }
        let bytes = answer.body.read_all(MAX_LISTING_BYTES).map_err(|cause| {
            let error = Error::new(ErrorKind::Io, format!("cannot read the list of files at {url}"));
            Trouble::passing(error.caused_by(cause))
        })?;
        Ok(Listing::parse(&url, &bytes)?)
    }

    /// Where the hub has a file.
    pub fn url(&self, id: &ModelId, commit: &str, path: &str) -> String {
        let path = Vec::from_iter(path.split('/').map(|part| utf8_percent_encode(part, &KEPT).to_string()));
        format!("{}/{}/resolve/{commit}/{}", self.endpoint(), id.repo(), path.join("/"))
    }
}

impl Listing {
    /// Reads the answer of a hub at `url`.
    pub fn parse(url: &str, bytes: &[u8]) -> Result<Self> {
        let Reply { sha, siblings } = json::parse(url, bytes)
            .map_err(|error| error.hint("is this a hub? HF_ENDPOINT names another"))?;
        // It becomes the name of a folder.
        if !is_commit(&sha) {
            return Err(Error::input(format!("cannot read {url}: sha is no commit"))
                .detail(format!("found {:?}, expected 40 hexadecimal digits", excerpt(&sha, MAX_NAME))));
        }
        let files =
            siblings.into_iter().map(|file| file.rfilename).filter(|name| is_plain_path(name)).collect();
        Ok(Self { commit: sha, files })
    }

    #[cfg(fuzzing)]
    pub fn into_files(self) -> Vec<String> {
        self.files
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file == path)
    }

    /// The files that a model of safetensors starts with, in the order in which they are to come: those that the last
    /// one alone makes no sense without are there before it. The last one is the weights, or their index.
    pub fn safetensors(&self, id: &ModelId) -> Result<Vec<&'static str>> {
        let weights = [SINGLE, INDEX].into_iter().find(|name| self.has(name));
        match weights {
            Some(weights) if self.has("config.json") => {
                let optional = OPTIONAL.into_iter().filter(|name| self.has(name));
                Ok(["config.json"].into_iter().chain(optional).chain([weights]).collect())
            }
            _ => Err(self.no_model(id, weights.is_some())),
        }
    }

    /// Refuses a file that the repository does not have.
    pub fn check_file(&self, id: &ModelId, file: &str) -> Result<()> {
        if self.has(file) {
            return Ok(());
        }
        let error = Error::input(format!(
            "cannot download {file} of {}: revision {} has no such file",
            id.repo(),
            id.revision()
        ));
        Err(match self.ggufs() {
            Some(files) => error.detail(format!("found {files}")),
            None => error.detail("found no .gguf file at all"),
        })
    }

    fn no_model(&self, id: &ModelId, has_weights: bool) -> Error {
        let repo = id.repo();
        let no_safetensors = format!("found neither {SINGLE} nor {INDEX}");
        if has_weights {
            return Error::input(format!("cannot use {repo}: it has no config.json"))
                .hint("a model is a repository with config.json, model.safetensors and tokenizer.json");
        }
        if let Some(files) = self.ggufs() {
            let first = self.files.iter().find(|file| is_gguf(file)).map_or("FILE.gguf", String::as_str);
            let first = excerpt(first, MAX_NAME);
            return Error::input(format!("cannot use {repo}: it has GGUF files, and none is named"))
                .detail(format!("found {files}"))
                .hint(format!("add the file: {}:{first}", without_file(id)));
        }
        let error = Error::input(format!("cannot use {repo}: it has no weights that can be read"));
        let pickled = self.files.iter().find(|file| file.ends_with(".bin") || file.ends_with(".pt"));
        match pickled {
            Some(file) => error.detail(format!("found only {}, expected {SINGLE}", excerpt(file, MAX_NAME))).hint(
                "such a file runs code when it is read; look for a revision or a repository with safetensors",
            ),
            None => error.detail(no_safetensors),
        }
    }

    /// The GGUF files, for a message.
    fn ggufs(&self) -> Option<String> {
        let files = Vec::from_iter(self.files.iter().filter(|file| is_gguf(file)));
        let shown = files.iter().take(MAX_SHOWN).map(|file| excerpt(file, MAX_NAME));
        let shown = Vec::from_iter(shown).join(", ");
        match files.len() {
            0 => None,
            count if count > MAX_SHOWN => Some(format!("{shown} and {} more", count - MAX_SHOWN)),
            _ => Some(shown),
        }
    }
}

/// The id of the repository and the revision, as they were given.
fn without_file(id: &ModelId) -> String {
    let text = id.to_string();
    text.split(':').next().unwrap_or_default().to_owned()
}
