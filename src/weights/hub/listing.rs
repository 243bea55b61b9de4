//! Lists a repository's files, and selects those of a model.

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

/// Enough for a list of a hundred thousand files.
const MAX_LISTING_BYTES: u64 = 16 << 20;

/// Files that are downloaded with the weights if the repository has them.
const OPTIONAL: [&str; 4] =
    ["tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"];

/// The file names that a message shows, and the characters of each.
const MAX_SHOWN: usize = 20;
const MAX_NAME: usize = 100;

/// The characters that are not escaped in an address.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The hub's listing of a revision.
#[derive(Debug)]
pub(super) struct Listing {
    /// The commit that the revision stands for now.
    pub commit: String,
    /// Paths in the repository, without those that are not safe to store.
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
    /// Requests the list of a revision's files.
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

    /// The address of a file on the hub.
    pub fn url(&self, id: &ModelId, commit: &str, path: &str) -> String {
        let path = Vec::from_iter(path.split('/').map(|part| utf8_percent_encode(part, &KEPT).to_string()));
        format!("{}/{}/resolve/{commit}/{}", self.endpoint(), id.repo(), path.join("/"))
    }
}

impl Listing {
    /// Parses the response of a hub at `url`.
    pub fn parse(url: &str, bytes: &[u8]) -> Result<Self> {
        let Reply { sha, siblings } = json::parse(url, bytes)
            .map_err(|error| error.hint("is this a hub? HF_ENDPOINT can name another"))?;
        // The commit becomes a folder name.
        if !is_commit(&sha) {
            return Err(Error::input(format!("cannot read {url}: sha is not a commit"))
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

    /// The first files of a safetensors model, in the order of their download. The weights, or their index,
    /// come last, so that a folder with weights is complete.
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

    /// Refuses a file that is not in the repository.
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
            return Error::input(format!("cannot use {repo}: it has GGUF files, but none was chosen"))
                .detail(format!("found {files}"))
                .hint(format!("name one of them: {}:{first}", without_file(id)));
        }
        let error = Error::input(format!("cannot use {repo}: it has no weights in a supported format"));
        let pickled = self.files.iter().find(|file| file.ends_with(".bin") || file.ends_with(".pt"));
        match pickled {
            Some(file) => error.detail(format!("found only {}, expected {SINGLE}", excerpt(file, MAX_NAME))).hint(
                "such a file can run code when it is read; look for a revision or a repository with safetensors",
            ),
            None => error.detail(no_safetensors),
        }
    }

    /// The names of the GGUF files, for a message.
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

/// The id of the repository and the revision, as given.
fn without_file(id: &ModelId) -> String {
    let text = id.to_string();
    text.split(':').next().unwrap_or_default().to_owned()
}
