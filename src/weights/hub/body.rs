//! Reads the body of a response, and gives up if it arrives too slowly.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::BodyReader;

/// The least number of bytes that must arrive within [`super::Options::timeout`], and over one connection, to
/// count as progress.
pub(super) const MIN_STEP_BYTES: u64 = 16 << 10;

/// A body that fails if it arrives too slowly.
pub(super) struct Body {
    reader: BodyReader<'static>,
    timeout: Duration,
    /// The start of the current interval.
    since: Instant,
    /// The bytes that arrived since then.
    bytes: u64,
}

impl Body {
    pub fn new(body: ureq::Body, timeout: Duration) -> Self {
        Self { reader: body.into_reader(), timeout, since: Instant::now(), bytes: 0 }
    }

    /// Reads the whole body, at most `max_bytes`.
    pub fn read_all(self, max_bytes: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.take(max_bytes + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > max_bytes {
            true => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("found more than {max_bytes} bytes, which is the limit"),
            )),
            false => Ok(bytes),
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes += count as u64;
        if count > 0 && self.since.elapsed() >= self.timeout {
            if self.bytes < MIN_STEP_BYTES {
                let seconds = self.timeout.as_secs_f32();
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("found {} bytes in {seconds} s, expected at least {MIN_STEP_BYTES}", self.bytes),
                ));
            }
            (self.since, self.bytes) = (Instant::now(), 0);
        }
        Ok(count)
    }
}
