//! A hub of the tests' own on 127.0.0.1, and the storage server to which it redirects requests for large files.
//!
//! It answers as the real hub does. `/api/models/REPO/revision/REVISION` lists files. `/REPO/resolve/COMMIT/PATH` gives
//! the name and the size of a file in headers, and redirects: to a path on the hub for small files, and to the storage
//! server for large ones.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const TOKEN: &str = "hf_secretTokenOfTheTests";

/// The time between two bytes of a slow answer.
const DRIP: Duration = Duration::from_millis(20);

/// The contents of a hub, and its faults.
#[derive(Default)]
pub struct State {
    pub repo: String,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether the files need the token.
    pub is_gated: bool,
    /// An answer instead of the list of files: status, `X-Error-Code`, body.
    pub listing: Option<(u16, &'static str, String)>,
    /// The statuses of the next requests for a large file's bytes.
    pub statuses: Vec<u16>,
    /// The number of bytes of a large file after which each connection breaks.
    pub cut_after: Option<usize>,
    /// Whether the server ignores `Range`.
    pub ignores_ranges: bool,
    /// Whether a large file's first byte is changed.
    pub changes_bytes: bool,
    /// A number that is added to the announced sizes of large files.
    pub announced_more: i64,
    /// Bytes that are sent instead of a large file, without a length.
    pub sends: Option<Vec<u8>>,
    /// The ETag of every file.
    pub etag: Option<String>,
    /// The target of redirects for large files.
    pub location: Option<String>,
    /// A part of the paths whose answers come byte by byte: either the head, which has no end, or the body.
    pub drips_head: Option<&'static str>,
    pub drips_body: Option<&'static str>,
    /// The path of a file without an end and without an announced size.
    pub endless: Option<&'static str>,
    /// Whether the sizes of large files are not announced.
    pub hides_sizes: bool,
    /// The announced size of small files.
    pub announced_small: Option<u64>,
    pub requests: Vec<Request>,
    /// The number of sent bytes of large files.
    pub bytes_sent: usize,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub is_storage: bool,
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

/// Two servers, which live until the end of the tests.
pub struct Hub {
    pub endpoint: String,
    /// The address of the storage server.
    pub storage: String,
    state: Arc<Mutex<State>>,
}

struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Whether `body` is part of a large file.
    is_large: bool,
}

impl Hub {
    /// Makes a hub with one repository, which has the files of these folders.
    pub fn new(repo: &str, folders: &[&str]) -> Self {
        let mut state = State { repo: repo.to_owned(), ..State::default() };
        for folder in folders {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                state.files.insert(name, std::fs::read(path).unwrap());
            }
        }
        let state = Arc::new(Mutex::new(state));
        let storage = serve(&state, true, String::new());
        let endpoint = serve(&state, false, storage.clone());
        Self { endpoint, storage, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests since the last call.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().requests)
    }

    /// The sent bytes of large files since the last call.
    pub fn take_bytes(&self) -> usize {
        std::mem::take(&mut self.state().bytes_sent)
    }
}

/// The name of a file's blob.
pub fn etag(path: &str, bytes: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match is_large(path) {
        true => hex(&Sha256::digest(bytes)),
        false => {
            hex(&Sha1::new_with_prefix(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
        }
    }
}

fn is_large(path: &str) -> bool {
    path.ends_with(".safetensors") || path.ends_with(".gguf") || path.ends_with(".bin")
}

/// Starts a server and returns its address.
fn serve(state: &Arc<Mutex<State>>, is_storage: bool, storage: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (state, storage) = (Arc::clone(&state), storage.clone());
            std::thread::spawn(move || answer(stream.unwrap(), &state, is_storage, &storage));
        }
    });
    address
}

fn answer(mut stream: TcpStream, state: &Mutex<State>, is_storage: bool, storage: &str) {
    let Some(request) = read_request(&stream, is_storage) else { return };
    let (response, cut_after, drips_head, drips_body, is_endless) = {
        let mut state = state.lock().unwrap();
        let response = match is_storage {
            true => state.storage(&request),
            false => state.hub(&request, storage),
        };
        state.requests.push(request.clone());
        let cut_after = state.cut_after.filter(|_| response.is_large).unwrap_or(usize::MAX);
        if response.is_large && request.method == "GET" {
            state.bytes_sent += response.body.len().min(cut_after);
        }
        let is_here = |part: Option<&str>| part.is_some_and(|part| request.path.contains(part));
        let (drips_head, drips_body) = (is_here(state.drips_head), is_here(state.drips_body));
        let is_endless = is_here(state.endless) && response.status == 200;
        (response, cut_after, drips_head, drips_body, is_endless)
    };
    let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", response.status);
    for (name, value) in &response.headers {
        if !(is_endless && *name == "Content-Length") {
            head += &format!("{name}: {value}\r\n");
        }
    }
    // The client may have closed the connection.
    if drips_head {
        drip(&mut stream, head.bytes().chain("X-More: ".bytes()).chain(std::iter::repeat(b'x')));
        return;
    }
    head += "\r\n";
    let _ = stream.write_all(head.as_bytes());
    if request.method != "GET" {
        return;
    }
    if is_endless {
        while stream.write_all(&[b' '; 1 << 16]).is_ok() {}
    } else if drips_body {
        drip(&mut stream, response.body.into_iter());
    } else {
        let _ = stream.write_all(&response.body[..response.body.len().min(cut_after)]);
    }
}

fn drip(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>) {
    for byte in bytes {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        std::thread::sleep(DRIP);
    }
}

fn read_request(stream: &TcpStream, is_storage: bool) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    Some(Request { is_storage, method, path, headers })
}

impl Response {
    fn refused(status: u16, code: &str) -> Self {
        let headers = vec![("X-Error-Code", code.to_owned()), ("Content-Length", "0".to_owned())];
        Self { status, headers, body: Vec::new(), is_large: false }
    }

    fn whole(body: Vec<u8>) -> Self {
        let headers = vec![("Content-Length", body.len().to_string())];
        Self { status: 200, headers, body, is_large: false }
    }
}

impl State {
    fn hub(&mut self, request: &Request, storage: &str) -> Response {
        if let Some(revision) = request.path.strip_prefix(&format!("/api/models/{}/revision/", self.repo)) {
            if let Some((status, code, body)) = &self.listing {
                let headers =
                    vec![("X-Error-Code", (*code).to_owned()), ("Content-Length", body.len().to_string())];
                return Response { status: *status, headers, body: body.clone().into(), is_large: false };
            }
            if !["main", "v1", "refs%2Fpr%2F1", COMMIT].contains(&revision) {
                return Response::refused(404, "RevisionNotFound");
            }
            let files = self.files.keys().map(|name| format!(r#"{{"rfilename":"{name}"}}"#));
            let files = Vec::from_iter(files).join(",");
            let gated = self.is_gated;
            return Response::whole(
                format!(r#"{{"id":"{}","sha":"{COMMIT}","gated":{gated},"siblings":[{files}]}}"#, self.repo)
                    .into(),
            );
        }
        let resolve = format!("/{}/resolve/{COMMIT}/", self.repo);
        let cached = format!("/api/resolve-cache/{COMMIT}/");
        let known =
            [&resolve, &cached].into_iter().find_map(|start| request.path.strip_prefix(start.as_str()));
        let Some((path, bytes)) = known.and_then(|path| self.files.get_key_value(path)) else {
            return Response::refused(if self.is_mine(request) { 404 } else { 401 }, "RepoNotFound");
        };
        if self.is_gated && request.headers.get("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return Response::refused(401, "GatedRepo");
        }
        let etag = self.etag.clone().unwrap_or_else(|| etag(path, bytes));
        if is_large(path) {
            let location = self.location.clone().unwrap_or(format!("{storage}/{path}?signature=abc"));
            let size = bytes.len() as i64 + self.announced_more;
            let mut headers = vec![
                ("Location", location),
                ("X-Linked-Etag", format!("\"{etag}\"")),
                ("Content-Length", "0".to_owned()),
            ];
            if !self.hides_sizes {
                headers.push(("X-Linked-Size", size.to_string()));
            }
            return Response { status: 302, headers, body: Vec::new(), is_large: false };
        }
        if request.path.starts_with(&resolve) {
            let headers = vec![("Location", format!("{cached}{path}")), ("Content-Length", "0".to_owned())];
            return Response { status: 307, headers, body: Vec::new(), is_large: false };
        }
        let mut response = Response::whole(bytes.clone());
        if let Some(size) = self.announced_small.filter(|_| request.method == "HEAD") {
            response.headers = vec![("Content-Length", size.to_string())];
        }
        response.headers.push(("ETag", format!("W/\"{etag}\"")));
        response
    }

    fn is_mine(&self, request: &Request) -> bool {
        request.path.contains(&self.repo)
    }

    fn storage(&mut self, request: &Request) -> Response {
        if !self.statuses.is_empty() {
            return Response::refused(self.statuses.remove(0), "");
        }
        let path = request.path.trim_start_matches('/').split('?').next().unwrap();
        let Some(mut bytes) = self.files.get(path).cloned() else { return Response::refused(404, "") };
        if self.changes_bytes {
            bytes[0] ^= 1;
        }
        if let Some(body) = self.sends.clone() {
            return Response { status: 200, headers: Vec::new(), body, is_large: true };
        }
        let range = request.headers.get("range").filter(|_| !self.ignores_ranges);
        let Some(range) = range else { return Response { is_large: true, ..Response::whole(bytes) } };
        let start: usize = range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
        if start >= bytes.len() {
            return Response::refused(416, "");
        }
        let (size, last) = (bytes.len(), bytes.len() - 1);
        let part = bytes.split_off(start);
        let mut response = Response { status: 206, is_large: true, ..Response::whole(part) };
        response.headers.push(("Content-Range", format!("bytes {start}-{last}/{size}")));
        response
    }
}
