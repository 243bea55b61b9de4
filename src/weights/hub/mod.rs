//! Models from the Hugging Face Hub, or from a server that answers as it does.
//!
//! [`fetch`] brings a model's files into the cache that Hugging Face's own tools use, and gives the path that
//! [`ModelFiles::open`](super::ModelFiles::open) takes. Of a repository with safetensors, these are `config.json`,
//! `model.safetensors` (or its index and shards), and where there are such, `tokenizer.json`, `tokenizer_config.json`,
//! `generation_config.json` and `chat_template.jinja`; of one with GGUF files, the file that is named.
//!
//! What is downloaded is compared with the size and the hash that the hub announces before it gets its name in the
//! cache. A download that ends early goes on, the next time, where it stopped. The token goes to the hub alone, not to
//! the servers that it redirects to.
//!
//! # What a server can do
//!
//! Neither a hub nor a file on it is trusted. No name that they give leads out of the cache, on any system. No link that
//! somebody put into the cache is written through. A list of files has at most 16 MiB, a file that holds no weights at most
//! 100 MB, and weights as many bytes as were announced before. Who answers slower than [`Options::timeout`] allows, or
//! brings less than 16 KiB in that time, is not waited for. Three connections in a row that together bring less than that
//! end the download, and before every further one there is a pause. No message shows a user, a password or a token.
//!
//! Who can write to the cache's folder while a download runs can still lead it elsewhere between two looks at a path. A
//! server that announces a large file can fill the disk with it; what came is removed only by whoever removes the cache.
//!
//! # Why not the hub's own client
//!
//! `hf-hub` 1.0.0 was read and tried, and this module does not use it:
//!
//! - In its cache mode, ETags and commits become paths as they come. A server that sends `../../../x` as an ETag
//!   writes outside the cache. Links in the cache are written through, hashes are not compared, a file starts
//!   from its first byte each time, and a lock that another program holds for ten seconds is an error.
//! - Its stream of a range does not tell a server that ignored the range (200) from one that did not (206), and overlooks a
//!   Xet hash that stands in the headers of a redirect: the file comes over plain HTTP then.
//! - A redirect to `/\host/` of its HEAD request takes the token to that host. Lists and the bodies of errors are read
//!   into memory without a limit. Without a token it takes one from the environment.
//!
//! What would be left of it is one GET, for 138 more crates, with a C library for TLS (aws-lc) among them. This module does
//! not speak Xet: it takes the address that the hub redirects to, as every client without Xet does.

mod background;
mod body;
mod cache;
mod download;
mod endpoint;
mod http;
mod id;
mod inside;
mod listing;
mod partial;
mod refusal;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use id::ModelId;
pub use ureq::Proxy;

use crate::Result;

/// What the fuzz targets reach: the names of files in a hub's answer that may be put into a folder.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn listed_files(answer: &[u8]) -> Result<Vec<String>> {
    let listing = listing::Listing::parse("hub", answer)?;
    let id: ModelId = "owner/name".parse()?;
    let _ = (listing.safetensors(&id), listing.check_file(&id, "model.gguf"));
    Ok(listing.into_files())
}

/// Where models come from and where they are kept.
#[derive(Clone)]
pub struct Options {
    /// The folder with the repositories' folders, `models--OWNER--NAME`; created where it is missing.
    pub cache: PathBuf,
    /// The hub's address. A user and a password in it go to that server alone, where no token does.
    pub endpoint: String,
    /// Who asks; needed for private repositories and for those with terms to be accepted.
    pub token: Option<String>,
    /// Whether only what is in the cache may be used.
    pub offline: bool,
    /// What requests go through.
    pub proxy: Option<Proxy>,
    /// The longest silence of a server, and the longest that it may take for the head of an answer; 30 seconds, where
    /// nothing else is said. An answer that hardly comes in that time counts as none. Another program that holds a
    /// file's lock and does not go on with it is waited for ten times as long.
    pub timeout: Duration,
}

impl Options {
    /// The public hub, without a token.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            cache: cache.into(),
            endpoint: "https://huggingface.co".to_owned(),
            token: None,
            offline: false,
            proxy: None,
            timeout: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for Options {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.as_ref().map(|_| "…");
        f.debug_struct("Options")
            .field("cache", &self.cache)
            .field("endpoint", &endpoint::redacted(&self.endpoint))
            .field("token", &token)
            .field("offline", &self.offline)
            .field("has_proxy", &self.proxy.is_some())
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// How far a download is, over all of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Those from an earlier download that this one goes on with included.
    pub done_bytes: u64,
    /// Of the files known so far: it grows once, where an index names shards.
    pub total_bytes: u64,
}

/// Brings a model into the cache, as far as it is not there, and gives its place: the snapshot's folder, or the GGUF file
/// in it.
///
/// The hub is asked what the revision stands for now, unless that is a commit which is already there. If it cannot be
/// reached, what the cache has of the revision is taken, with a warning through `tracing`. The work is done on a thread of
/// its own; `progress` is called where the future is polled, and dropping the future ends the download.
///
/// ```no_run
/// use sukashi::weights::{ModelFiles, hub};
///
/// # async fn example() -> sukashi::Result<()> {
/// let options = hub::Options::new("models");
/// let id: hub::ModelId = "google/gemma-3-1b-pt".parse()?;
/// let path = hub::fetch(&id, &options, &mut |_| {}).await?;
/// let files = ModelFiles::open(&path)?;
/// assert_eq!(files.name, "google/gemma-3-1b-pt");
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Bad input where the repository, the revision or the file does not exist, may not be read with this token, or is no
/// model that can be used; where `offline` and not all is in the cache. Otherwise the hub cannot be reached, does not keep
/// its word on sizes and hashes, or the cache cannot be written to.
pub async fn fetch(id: &ModelId, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf> {
    let (id, options) = (id.clone(), options.clone());
    background::run(move |reporter| download::model(&id, &options, reporter), progress).await
}
