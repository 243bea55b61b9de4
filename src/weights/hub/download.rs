//! From a model's id to its files in the cache.

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
/// The greatest of the files that are no weights: as much as an index of weights may have.
const MAX_SMALL_BYTES: u64 = 100_000_000;
/// A lock is waited for this many times the limit on a server's silence, after its holder has last gone on.
const MAX_LOCK_TIMEOUTS: u32 = 10;
/// Characters shown of what a server or an index says.
const MAX_SHOWN: usize = 100;
/// An ETag is a hash; file systems end names at 255 bytes.
const MAX_ETAG_LEN: usize = 128;

/// Everything about one download.
struct Download<'a> {
    client: Client,
    repo: Repo,
    id: &'a ModelId,
    commit: String,
    reporter: &'a Reporter,
    /// Of the files that are done, and of all files known so far.
    progress: Progress,
}

/// A file, as the hub describes it.
struct Remote {
    path: String,
    /// The name of its blob.
    etag: String,
    size: Option<u64>,
    /// The most that is stored of it.
    max_bytes: u64,
}

/// The model's place in the cache; what is missing there is downloaded.
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
            tracing::warn!("{error}\n  using {id} as it is in the cache");
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
                            true => "it has no",
                            false => "no system can store",
                        };
                        return Err(Error::input(format!(
                            "cannot use {id}: {why} {}",
                            excerpt(shard, MAX_SHOWN)
                        ))
                        .detail(format!("{INDEX} names it")));
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
    Error::input(format!("cannot use {id} offline: it is not in the cache, or not all of it"))
        .detail(format!("found no {missing} in {}", repo.root().display()))
        .hint("without HF_HUB_OFFLINE it is downloaded")
}

impl Download<'_> {
    /// Brings these files into the snapshot, in this order.
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

    /// Asks for a file's name in the cache and for its size.
    fn describe(&self, path: &str) -> Result<Remote, Trouble> {
        let url = self.client.url(self.id, &self.commit, path);
        let is_described = |answer: &Answer| answer.header("x-linked-etag").is_some();
        let answer = self.client.ask(&Method::HEAD, &url, 0, self.reporter, is_described)?;
        if !(answer.status == 200 || answer.is_redirect()) {
            return Err(self.client.refusal(self.id, Some(path), &answer));
        }
        let failed = |why: &str| {
            Error::new(ErrorKind::Io, format!("cannot download {path} of {}: {why}", self.id.repo()))
                .hint("is this a hub? HF_ENDPOINT names another")
        };
        let etag = answer.header("x-linked-etag").or(answer.header("etag"));
        let etag = etag.ok_or_else(|| failed("the server gives it no ETag"))?;
        let etag = etag.trim_start_matches("W/").trim_matches('"');
        // It becomes the name of a file.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_name =
            (1..=MAX_ETAG_LEN).contains(&etag.len()) && etag.chars().all(is_plain) && is_plain_path(etag);
        if !is_name {
            let found = format!("found {:?}", excerpt(etag, MAX_SHOWN));
            return Err(failed("its ETag is no hash").detail(found).into());
        }
        // The length of a redirect is not that of the file.
        let length = answer.header("content-length").filter(|_| answer.status == 200);
        let size = answer.header("x-linked-size").or(length);
        let size = size.map(|size| {
            let wrong =
                || failed("its size is no number").detail(format!("found {:?}", excerpt(size, MAX_SHOWN)));
            size.parse::<u64>().map_err(|_| wrong())
        });
        let size = size.transpose()?;
        let max_bytes = match (path.ends_with(".safetensors") || is_gguf(path), size) {
            (true, None) => return Err(failed("the server does not say how large it is").into()),
            (true, Some(size)) => size,
            (false, Some(size)) if size <= MAX_SMALL_BYTES => size,
            (false, None) => MAX_SMALL_BYTES,
            (false, Some(size)) => {
                return Err(failed("it is too large for a file that holds no weights")
                    .detail(format!("found {size} bytes, expected at most {MAX_SMALL_BYTES}"))
                    .into());
            }
        };
        Ok(Remote { path: path.to_owned(), etag: etag.to_owned(), size, max_bytes })
    }

    /// Brings a file's bytes into the cache.
    fn blob(&mut self, file: &Remote) -> Result<()> {
        let blob = self.repo.blob(&file.etag);
        let patience = self.client.timeout * MAX_LOCK_TIMEOUTS;
        let _lock = self.repo.lock(&file.etag, &file.path, patience, self.reporter)?;
        let is_there = blob
            .metadata()
            .is_ok_and(|metadata| metadata.is_file() && file.size.is_none_or(|size| size == metadata.len()));
        if !is_there {
            let mut goes_on = true;
            loop {
                let mut partial = Partial::open(&self.repo, &file.etag, file.size, file.max_bytes)?;
                goes_on &= partial.len > 0;
                self.fill(&mut partial, file)?;
                let Err(found) = partial.finish(&blob)? else { break };
                // What an earlier download left may be what is wrong.
                if !std::mem::take(&mut goes_on) {
                    return Err(self
                        .failed(file, "what came is not the file that was announced")
                        .detail(format!("found hash {found}, expected {}", file.etag))
                        .hint("does something between here and the hub change what is downloaded?"));
                }
            }
        }
        self.progress.done_bytes = self.progress.done_bytes.saturating_add(file.size.unwrap_or(0));
        self.reporter.report(self.progress)
    }

    /// Downloads until the file is whole, over as many connections as it takes while they bring something. There is a
    /// pause after each, a longer one after those that brought little.
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

    /// Downloads over one connection; `Ok` means that this was the end of the file.
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
                    let error = self.failed(file, "the server answered with another part of it");
                    return Err(Trouble::passing(error));
                }
                self.check_size(file, size)?;
            }
            // What is here is not the start of that file.
            416 if partial.len > 0 => {
                partial.clear()?;
                let error = self.failed(file, "the server has no further part of it");
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
                    Some(_) => self.failed(file, "more came than was announced"),
                    None => self
                        .failed(file, "it is too large for a file that holds no weights")
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
                let error = self.failed(file, "less came than was announced");
                Err(Trouble::passing(error.detail(self.lengths(partial, file))))
            }
        }
    }

    /// Refuses a file whose size is not what the hub announced.
    fn check_size(&self, file: &Remote, found: Option<u64>) -> Result<()> {
        match (file.size, found) {
            (Some(size), Some(found)) if found != size => Err(self
                .failed(file, "its size is not what was announced")
                .detail(format!("found {found} bytes, expected {size}"))),
            _ => Ok(()),
        }
    }

    fn lengths(&self, partial: &Partial, file: &Remote) -> String {
        let size = file.size.map_or("more".to_owned(), |size| size.to_string());
        format!(
            "found {} bytes, expected {size}; they stay in the cache, and the next download goes on there",
            partial.len
        )
    }

    fn failed(&self, file: &Remote, why: &str) -> Error {
        Error::new(ErrorKind::Io, format!("cannot download {} of {}: {why}", file.path, self.id.repo()))
    }
}

/// The start of a `Content-Range: bytes START-END/SIZE`, and the size where it is given.
fn parse_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, size.trim().parse().ok()))
}
