//! Reads numbers and texts in sequence, and never past the end of the file.

use super::super::json::excerpt;
use super::super::source::Source;
use crate::{Error, Result};

/// Bytes that are read at a time.
const CHUNK: u64 = 1 << 20;

/// A reading position in a file.
pub(super) struct Reader<'a> {
    source: &'a Source,
    /// The offset of the next value.
    pub position: u64,
    chunk: Vec<u8>,
    chunk_start: u64,
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a Source) -> Self {
        Self { source, position: 0, chunk: Vec::new(), chunk_start: 0 }
    }

    /// The name of the file in error messages.
    pub fn label(&self) -> &'a str {
        &self.source.label
    }

    /// The bytes from here to the end of the file.
    pub fn remaining(&self) -> u64 {
        self.source.len.saturating_sub(self.position)
    }

    /// An error about this position.
    pub fn wrong(&self, what: &str, detail: impl Into<String>) -> Error {
        Error::input(format!("cannot read {}: {what}", self.label())).detail(detail)
    }

    fn bytes<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    /// Fills `to` with the next bytes; `what` names them in an error.
    pub fn fill(&mut self, to: &mut [u8], what: &str) -> Result<()> {
        let needed = to.len() as u64;
        if needed > self.remaining() {
            let detail = format!(
                "found {} bytes at offset {}, expected {needed} more for {what}",
                self.remaining(),
                self.position
            );
            return Err(self
                .wrong("the file ends in the middle of its header", detail)
                .hint("the download may be incomplete"));
        }
        let in_chunk = |reader: &Self| {
            reader.position >= reader.chunk_start
                && reader.position + needed <= reader.chunk_start + reader.chunk.len() as u64
        };
        if !in_chunk(self) {
            self.chunk_start = self.position;
            self.source.read_vec(self.position, self.remaining().min(CHUNK.max(needed)), &mut self.chunk)?;
        }
        let start = (self.position - self.chunk_start) as usize;
        to.copy_from_slice(&self.chunk[start..start + to.len()]);
        self.position += needed;
        Ok(())
    }

    pub fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes(what)?))
    }

    pub fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes(what)?))
    }

    /// Reads a text of at most `max_bytes`.
    pub fn text(&mut self, what: &str, max_bytes: u64) -> Result<String> {
        let length = self.u64(what)?;
        let limit = max_bytes.min(self.remaining());
        if length > limit {
            let detail = format!("found length {length}, expected at most {limit}");
            return Err(self.wrong(&format!("{what} is too long"), detail));
        }
        // The file's length bounds this.
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes, what)?;
        String::from_utf8(bytes).map_err(|error| {
            let text = String::from_utf8_lossy(error.as_bytes());
            self.wrong(&format!("{what} is not UTF-8"), format!("found {:?}", excerpt(&text)))
        })
    }
}
