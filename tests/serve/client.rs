//! A small client of HTTP/1.1, one request for each connection.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer of the tests takes, also without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The answer as JSON, which is no error.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// The message and the field of an error with this status.
    pub fn refused(&self, status: u16) -> (String, Option<String>) {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        let error = &self.json()["error"];
        assert!(error["type"].is_string() && error.get("code").is_some(), "{error}");
        let message = error["message"].as_str().unwrap().to_owned();
        (message, error["param"].as_str().map(str::to_owned))
    }
}

/// An answer that is still being read.
pub struct Reading {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    stream: BufReader<TcpStream>,
}

/// Sends a request, whose headers replace those of the same name.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reading {
    let mut all = BTreeMap::from([
        ("host".to_owned(), address.to_string()),
        ("connection".to_owned(), "close".to_owned()),
        ("content-length".to_owned(), body.len().to_string()),
    ]);
    if method == "POST" {
        all.insert("content-type".to_owned(), "application/json".to_owned());
    }
    all.extend(headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    all.iter().filter(|(_, value)| !value.is_empty()).for_each(|(name, value)| {
        head += &format!("{name}: {value}\r\n");
    });
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // The server may answer before it has read the body.
    let _ = stream.write_all(body);
    Reading::new(stream)
}

impl Reading {
    /// Reads the head of an answer.
    pub fn new(stream: TcpStream) -> Self {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status =
            line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        Self { status, headers, stream }
    }

    /// Reads the next part of a body whose parts have lengths. `None` at its end.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        assert_eq!(self.headers.get("transfer-encoding").map(String::as_str), Some("chunked"));
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let length =
            usize::from_str_radix(line.trim(), 16).unwrap_or_else(|_| panic!("no length in {line:?}"));
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk).unwrap();
        assert!(chunk.ends_with(b"\r\n"));
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    /// Reads the whole body.
    pub fn finish(mut self) -> Answer {
        let mut body = Vec::new();
        if self.headers.contains_key("transfer-encoding") {
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
        } else if let Some(length) = self.headers.get("content-length") {
            body.resize(length.parse().unwrap(), 0);
            self.stream.read_exact(&mut body).unwrap();
        } else {
            self.stream.read_to_end(&mut body).unwrap();
        }
        Answer { status: self.status, headers: self.headers, body }
    }
}
