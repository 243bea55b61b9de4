//! Downloads models from the Hugging Face Hub, or from a compatible server.
//!
//! [`fetch`] downloads a model's files into the cache that Hugging Face's own tools use, and returns the path
//! for [`ModelFiles::open`](super::ModelFiles::open). From a repository with safetensors, it downloads
//! `config.json`, `model.safetensors` (or its index and shards) and, if they exist, `tokenizer.json`,
//! `tokenizer_config.json`, `generation_config.json` and `chat_template.jinja`. From a repository with GGUF
//! files, it downloads the file that was named.
//!
//! Downloaded bytes are checked against the announced size and hash before they get their name in the cache.
//! An interrupted download resumes the next time. The token is sent only to the hub, not to the servers that
//! the hub redirects to.
//!
//! # What a server can do
//!
//! Neither a hub nor a file on it is trusted.
//!
//! - File names from a server or an index cannot lead out of the cache, on any system.
//! - Links that somebody put into the cache are not followed when files are written.
//! - A list of files has at most 16 MiB, and a file without weights at most 100 MB. Weights have at most the
//!   announced size.
//! - A server fails if it is silent for longer than [`Options::timeout`], or sends less than 16 KiB in that
//!   time. A download ends after three connections in a row that together bring less than that. There is a
//!   pause before every further connection.
//! - No message shows a user, a password or a token.
//!
//! Two risks remain. Someone who can write to the cache folder during a download can replace a path between
//! its check and its use. A server that announces a large file can fill the disk, and the bytes stay there
//! until the cache is removed.
//!
//! # Why not the hub's own client
//!
//! We read and tried `hf-hub` 1.0.0, and do not use it for these reasons:
//!
//! - Its cache mode uses ETags and commits as paths without a check. A server that sends `../../../x` as an
//!   ETag writes outside the cache. It follows links in the cache, does not compare hashes, restarts every
//!   file from its first byte, and fails if another program holds a lock for ten seconds.
//! - Its range stream does not check whether the server honoured the range (206) or ignored it (200). It
//!   overlooks a Xet hash in the headers of a redirect, and downloads over plain HTTP then.
//! - If its HEAD request is redirected to `/\host/`, it sends the token to that host. It reads lists and
//!   error bodies into memory without a limit. If it is given no token, it takes one from the environment.
//!
//! Only its GET request would remain useful, at the cost of 138 more crates, one of them a C library for TLS
//! (aws-lc). This module does not support Xet. It uses the address that the hub redirects to, as every client
//! without Xet does.

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

/// For fuzzing: the file names from a hub's listing that are accepted.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn listed_files(answer: &[u8]) -> Result<Vec<String>> {
    let listing = listing::Listing::parse("hub", answer)?;
    let id: ModelId = "owner/name".parse()?;
    let _ = (listing.safetensors(&id), listing.check_file(&id, "model.gguf"));
    Ok(listing.into_files())
}

/// The hub, the cache, and how to connect.
#[derive(Clone)]
pub struct Options {
    /// The cache folder, with a folder `models--OWNER--NAME` for each repository. It is created if it is
    /// missing.
    pub cache: PathBuf,
    /// The hub's address. A user and a password in it are sent only to this server, and only if there is no
    /// token.
    pub endpoint: String,
    /// The access token, for private and gated repositories.
    pub token: Option<String>,
    /// Whether to use only the cache.
    pub offline: bool,
    /// The proxy for all requests.
    pub proxy: Option<Proxy>,
    /// The longest time that a server may be silent, and that it may take for the head of a response; 30
    /// seconds by default. A body that brings less than 16 KiB in that time fails. A lock whose holder makes
    /// no progress is waited for ten times as long.
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
    /// Leaves out secrets.
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

/// The progress of a download, over all of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The bytes so far, including those of an earlier download that is resumed.
    pub done_bytes: u64,
    /// The bytes of all files known so far. It grows once, when an index lists shards.
    pub total_bytes: u64,
}

/// Downloads a model into the cache, unless it is already there, and returns its path: the snapshot's folder,
/// or the GGUF file in it.
///
/// The hub is asked which commit the revision stands for, unless the revision is a commit that is already in
/// the cache. If the hub cannot be reached, the cached revision is used, with a warning through `tracing`.
/// The download runs on its own thread. `progress` is called when the future is polled. Dropping the future
/// ends the download.
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
/// Bad input if the repository, the revision or the file does not exist, cannot be read with this token or is
/// not a usable model, or if `offline` is set and the cache is incomplete. Other errors mean that the hub
/// cannot be reached, that sizes or hashes do not match, or that the cache cannot be written to.
pub async fn fetch(id: &ModelId, options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<PathBuf> {
    let (id, options) = (id.clone(), options.clone());
    background::run(move |reporter| download::model(&id, &options, reporter), progress).await
}
