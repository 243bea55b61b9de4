//! Downloads a model's files into the cache.

use std::io::Read;
use std::path::PathBuf;

use ureq::http::Method;
use ureq::http::header::CONTENT_RANGE;

use super::background::Reporter;
use super::body::MIN_STEP_BYTES;
use super::cache::Repo;
use super::endpoint::excerpt;
use super::http::{Answer, Client, Trouble, WAITS};
use super::id::{ModelId, is_commit, is_gguf, is_plain_path};
use super::partial::Partial;
use super::{Options, Progress};
use crate::weights::safetensors::INDEX;
use crate::weights::shards;
use crate::{Error, ErrorKind, Result};

const BUFFER_BYTES: usize = 64 << 10;
/// The largest file that is not weights: the limit for an index.
const MAX_SMALL_BYTES: u64 = 100_000_000;
/// How many timeouts a lock's holder may make no progress.
const MAX_LOCK_TIMEOUTS: u32 = 10;
/// Characters that messages show of texts from a server or an index.
const MAX_SHOWN: usize = 100;
/// The longest ETag. File systems limit names to 255 bytes.
const MAX_ETAG_LEN: usize = 128;

/// The state of one download.
struct Download<'a> {
    client: Client,
    repo: Repo,
    id: &'a ModelId,
    commit: String,
    reporter: &'a Reporter,
    /// Over the finished files and all files known so far.
    progress: Progress,
}

/// The hub's description of a file.
struct Remote {
    path: String,
    /// The name of its blob.
    etag: String,
    size: Option<u64>,
    /// The most bytes to store.
    max_bytes: u64,
}

/// Downloads the files that the cache lacks, and returns the model's path in the cache.
pub(super) fn model(id: &ModelId, options: &Options, reporter: &Reporter) -> Result<PathBuf> {
    let repo = Repo::new(&options.cache, id);
    if options.offline {
        return repo.find(id).map_err(|missing| not_cached(id, &repo, &missing));
    }
    if is_commit(id.revision())
        && let Ok(path) = repo.find(id)
        && (path.is_file() || path.join("tokenizer.json").is_file())
    {
        return Ok(path);
    }
    let client = Client::new(options)?;
    let listing = match client.list(id, reporter) {
        Ok(listing) => listing,
        Err(Trouble { error, may_pass: true }) => {
            let Ok(path) = repo.find(id) else {
                return Err(error.detail(format!("and {id} is not in the cache, {}", repo.root().display())));
            };
            tracing::warn!("{error}\n  using the cached {id}");
            return Ok(path);
        }
        Err(Trouble { error, .. }) => return Err(error),
    };
    let progress = Progress { done_bytes: 0, total_bytes: 0 };
    let mut download = Download { client, repo, id, commit: listing.commit.clone(), reporter, progress };
    let snapshot = download.repo.snapshot(&download.commit);
    let path = match id.file() {
        Some(file) => {
            listing.check_file(id, file)?;
            download.files(&[file])?;
            snapshot.join(file)
        }
        None => {
            let files = listing.safetensors(id)?;
            download.files(&files)?;
            if files.contains(&INDEX) {
                let index = snapshot.join(INDEX);
                let mut shards =
                    Vec::from_iter(shards::read_index(&index)?.into_iter().map(|(_, file)| file));
                shards.sort();
                shards.dedup();
                for shard in &shards {
                    shards::check_name(&snapshot, &index, shard)?;
                    if !listing.has(shard) {
                        let why = match is_plain_path(shard) {
                            true => "it has no file",
                            false => "it has a file name that is not safe to store,",
                        };
                        return Err(Error::input(format!(
                            "cannot use {id}: {why} {}",
                            excerpt(shard, MAX_SHOWN)
                        ))
                        .detail(format!("{INDEX} lists it")));
                    }
                }
                download.files(&Vec::from_iter(shards.iter().map(String::as_str)))?;
            }
            snapshot
        }
    };
    download.repo.set_commit(id.revision(), &download.commit)?;
    Ok(path)
}

fn not_cached(id: &ModelId, repo: &Repo, missing: &str) -> Error {
    Error::input(format!("cannot use {id} offline: it is not completely in the cache"))
        .detail(format!("found no {missing} in {}", repo.root().display()))
        .hint("unset HF_HUB_OFFLINE to download it")
}

impl Download<'_> {
    /// Downloads these files into the snapshot, in this order.
    fn files(&mut self, paths: &[&str]) -> Result<()> {
        let snapshot = self.repo.snapshot(&self.commit);
        let missing = paths.iter().filter(|path| !snapshot.join(path).is_file());
        let mut files = Vec::new();
        for path in missing {
            let file = self.describe(path).map_err(|trouble| trouble.error)?;
            self.progress.total_bytes = self.progress.total_bytes.saturating_add(file.size.unwrap_or(0));
            files.push(file);
        }
        for file in &files {
            self.blob(file)?;
            self.repo.link(&self.commit, &file.path, &file.etag)?;
        }
        Ok(())
    }

    /// Requests a file's ETag and size.
    fn describe(&self, path: &str) -> Result<Remote, Trouble> {
        let url = self.client.url(self.id, &self.commit, path);
        let is_described = |answer: &Answer| answer.header("x-linked-etag").is_some();
        let answer = self.client.ask(&Method::HEAD, &url, 0, self.reporter, is_described)?;
        if !(answer.status == 200 || answer.is_redirect()) {
            return Err(self.client.refusal(self.id, Some(path), &answer));
        }
        let failed = |why: &str| {
            Error::new(ErrorKind::Io, format!("cannot download {path} of {}: {why}", self.id.repo()))
                .hint("is this a hub? HF_ENDPOINT can name another")
        };
        let etag = answer.header("x-linked-etag").or(answer.header("etag"));
        let etag = etag.ok_or_else(|| failed("the server sent no ETag"))?;
        let etag = etag.trim_start_matches("W/").trim_matches('"');
        // The ETag becomes a file name.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_name =
            (1..=MAX_ETAG_LEN).contains(&etag.len()) && etag.chars().all(is_plain) && is_plain_path(etag);
        if !is_name {
            let found = format!("found {:?}", excerpt(etag, MAX_SHOWN));
            return Err(failed("its ETag is not a hash").detail(found).into());
        }
        // A redirect's length is not the file's.
        let length = answer.header("content-length").filter(|_| answer.status == 200);
        let size = answer.header("x-linked-size").or(length);
        let size = size.map(|size| {
            let wrong =
                || failed("its size is not a number").detail(format!("found {:?}", excerpt(size, MAX_SHOWN)));
            size.parse::<u64>().map_err(|_| wrong())
        });
        let size = size.transpose()?;
        let max_bytes = match (path.ends_with(".safetensors") || is_gguf(path), size) {
            (true, None) => return Err(failed("the server did not send its size").into()),
            (true, Some(size)) => size,
            (false, Some(size)) if size <= MAX_SMALL_BYTES => size,
            (false, None) => MAX_SMALL_BYTES,
            (false, Some(size)) => {
                return Err(failed("it is too large for a file without weights")
                    .detail(format!("found {size} bytes, expected at most {MAX_SMALL_BYTES}"))
                    .into());
            }
        };
        Ok(Remote { path: path.to_owned(), etag: etag.to_owned(), size, max_bytes })
    }

    /// Downloads a file's bytes into the cache.
    fn blob(&mut self, file: &Remote) -> Result<()> {
        let blob = self.repo.blob(&file.etag);
        let patience = self.client.timeout * MAX_LOCK_TIMEOUTS;
        let _lock = self.repo.lock(&file.etag, &file.path, patience, self.reporter)?;
        let is_there = blob
            .metadata()
            .is_ok_and(|metadata| metadata.is_file() && file.size.is_none_or(|size| size == metadata.len()));
        if !is_there {
            let mut may_retry = true;
            loop {
                let mut partial = Partial::open(&self.repo, &file.etag, file.size, file.max_bytes)?;
                may_retry &= partial.len > 0;
                self.fill(&mut partial, file)?;
                let Err(found) = partial.finish(&blob)? else { break };
                // The bytes of an earlier download may be wrong, so try once more from the start.
                if !std::mem::take(&mut may_retry) {
                    return Err(self
                        .failed(file, "the downloaded bytes do not match the announced hash")
                        .detail(format!("found hash {found}, expected {}", file.etag))
                        .hint("a proxy may be changing the download"));
                }
            }
        }
        self.progress.done_bytes = self.progress.done_bytes.saturating_add(file.size.unwrap_or(0));
        self.reporter.report(self.progress)
    }

    /// Downloads until the file is complete, with as many connections as needed while they make progress.
    /// There is a pause after each connection, and a longer one after those that made little progress.
    fn fill(&self, partial: &mut Partial, file: &Remote) -> Result<()> {
        let (mut most, mut idle_tries) = (partial.len, 0);
        while !partial.is_whole() {
            let Err(Trouble { error, may_pass }) = self.read(partial, file) else { break };
            if partial.len >= most.saturating_add(MIN_STEP_BYTES) {
                (most, idle_tries) = (partial.len, 0);
            } else {
                idle_tries += 1;
            }
            match WAITS.get(idle_tries).filter(|_| may_pass) {
                Some(wait) => std::thread::sleep(*wait),
                None => return Err(error),
            }
            self.reporter.check()?;
        }
        Ok(())
    }

    /// Downloads over one connection; `Ok` means that the file is complete.
    fn read(&self, partial: &mut Partial, file: &Remote) -> Result<(), Trouble> {
        let url = self.client.url(self.id, &self.commit, &file.path);
        let answer = self.client.ask(&Method::GET, &url, partial.len, self.reporter, |_| false)?;
        match answer.status {
            200 => {
                if partial.len > 0 {
                    partial.clear()?;
                }
                let length = answer.header("content-length").and_then(|length| length.parse().ok());
                self.check_size(file, length)?;
            }
            206 if partial.len > 0 => {
                let range = answer.header(CONTENT_RANGE.as_str()).and_then(parse_range);
                let (start, size) = range.unwrap_or((u64::MAX, None));
                if start != partial.len {
                    partial.clear()?;
                    let error = self.failed(file, "the server sent a different range");
                    return Err(Trouble::passing(error));
                }
                self.check_size(file, size)?;
            }
            // The stored bytes are not the start of that file.
            416 if partial.len > 0 => {
                partial.clear()?;
                let error = self.failed(file, "the server has no bytes after those in the cache");
                return Err(Trouble::passing(error));
            }
            _ => return Err(self.client.refusal(self.id, Some(&file.path), &answer)),
        }
        self.copy(partial, file, answer)
    }

    fn copy(&self, partial: &mut Partial, file: &Remote, answer: Answer) -> Result<(), Trouble> {
        let mut body = answer.body;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(cause) => {
                    let error = self.failed(file, "the connection broke").detail(self.lengths(partial, file));
                    return Err(Trouble::passing(error.caused_by(cause)));
                }
            };
            if count as u64 > file.max_bytes - partial.len {
                partial.clear()?;
                let error = match file.size {
                    Some(_) => self.failed(file, "the server sent more bytes than announced"),
                    None => self
                        .failed(file, "it is too large for a file without weights")
                        .detail(format!("found more than {} bytes, which is the limit", file.max_bytes)),
                };
                return Err(error.into());
            }
            partial.append(&buffer[..count])?;
            let done_bytes = self.progress.done_bytes.saturating_add(partial.len);
            self.reporter.report(Progress { done_bytes, ..self.progress })?;
        }
        match file.size.is_none_or(|size| size == partial.len) {
            true => Ok(()),
            false => {
                let error = self.failed(file, "the server sent fewer bytes than announced");
                Err(Trouble::passing(error.detail(self.lengths(partial, file))))
            }
        }
    }

    /// Refuses a file whose size differs from the announced one.
    fn check_size(&self, file: &Remote, found: Option<u64>) -> Result<()> {
        match (file.size, found) {
            (Some(size), Some(found)) if found != size => Err(self
                .failed(file, "its size differs from the announced size")
                .detail(format!("found {found} bytes, expected {size}"))),
            _ => Ok(()),
        }
    }

    fn lengths(&self, partial: &Partial, file: &Remote) -> String {
        let size = file.size.map_or("more".to_owned(), |size| size.to_string());
        format!(
            "found {} bytes, expected {size}; they stay in the cache, and the next download resumes there",
            partial.len
        )
    }

    fn failed(&self, file: &Remote, why: &str) -> Error {
        Error::new(ErrorKind::Io, format!("cannot download {} of {}: {why}", file.path, self.id.repo()))
    }
}

/// Parses `Content-Range: bytes START-END/SIZE` as the start and the size, if given.
fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, size.trim().parse().ok()))
}
