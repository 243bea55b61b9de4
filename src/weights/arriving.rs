//! Bytes that a program brings along, and that may arrive later.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::source::Source;
use crate::{Error, ErrorKind, Result};

/// What a [`ByteSource`] must be able to do besides: threads share it. A browser has one thread, and its objects stay there.
#[cfg(not(target_family = "wasm"))]
pub trait Shared: Send + Sync {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send + Sync> Shared for T {}
/// What a [`ByteSource`] must be able to do besides: nothing. A browser has one thread, and its objects stay there.
#[cfg(target_family = "wasm")]
pub trait Shared {}
#[cfg(target_family = "wasm")]
impl<T> Shared for T {}

/// A read that is under way.
#[cfg(not(target_family = "wasm"))]
pub type Reading<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;
/// A read that is under way.
#[cfg(target_family = "wasm")]
pub type Reading<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// The bytes of a file, wherever they are: in a browser's own file system, on a server that gives ranges, in an archive.
///
/// A model is loaded from it part by part. Nobody asks for the whole file, or for a whole large matrix.
///
/// ```
/// use std::io::{Error, ErrorKind};
/// use sukashi::weights::{ByteSource, Reading};
///
/// #[derive(Debug)]
/// struct Zeros(u64);
///
/// impl ByteSource for Zeros {
///     fn len(&self) -> u64 {
///         self.0
///     }
///
///     fn read_at<'a>(&'a self, offset: u64, buffer: &'a mut [u8]) -> Reading<'a> {
///         Box::pin(async move {
///             let end = offset.saturating_add(buffer.len() as u64);
///             if end > self.0 {
///                 return Err(Error::from(ErrorKind::UnexpectedEof));
///             }
///             buffer.fill(0);
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait ByteSource: Debug + Shared {
    /// The length in bytes. It stays the same.
    fn len(&self) -> u64;

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The SHA-256 of all bytes in hexadecimal, if the source knows it, such as from its download. Nobody reads the bytes
    /// in order to find it.
    fn sha256(&self) -> Option<String> {
        None
    }

    /// Fills `buffer` completely with the bytes from `offset` on. A source that has its bytes at once is ready at the
    /// first poll.
    ///
    /// # Errors
    /// The future gives an error if the bytes cannot be read, or if there are fewer.
    fn read_at<'a>(&'a self, offset: u64, buffer: &'a mut [u8]) -> Reading<'a>;
}

/// A source, and the parts of a header that have arrived.
#[derive(Debug, Clone)]
pub(super) struct Arriving {
    pub bytes: Arc<dyn ByteSource>,
    header: Arc<Mutex<Header>>,
}

/// The parts of a header, while somebody reads it.
#[derive(Debug, Default)]
struct Header {
    pieces: Vec<(u64, Vec<u8>)>,
    /// The offset and the length of a part that was asked for and is not there.
    wanted: Option<(u64, usize)>,
}

impl Header {
    /// The number of bytes to read ahead from `offset` on. A header that goes on past all parts so far is read in parts
    /// that grow, so that it is read again only a few times.
    fn ahead(&self, offset: u64, len: u64) -> u64 {
        let goes_on = self.pieces.last().is_some_and(|(start, piece)| {
            (*start..=start.saturating_add(piece.len() as u64)).contains(&offset)
        });
        let so_far = self.pieces.iter().map(|(_, piece)| piece.len() as u64).sum::<u64>();
        if goes_on { so_far.min(len.saturating_sub(offset)) } else { 0 }
    }
}

impl Arriving {
    pub fn new(bytes: Arc<dyn ByteSource>) -> Self {
        Self { bytes, header: Arc::default() }
    }

    /// Copies bytes that have arrived. `false` if they have not; then they are wanted.
    pub fn copy(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let mut header = self.header();
        let held = header.pieces.iter().find_map(|(start, piece)| {
            let start = usize::try_from(offset.checked_sub(*start)?).ok()?;
            piece.get(start..start.checked_add(buffer.len())?)
        });
        match held {
            Some(held) => buffer.copy_from_slice(held),
            None => header.wanted = Some((offset, buffer.len())),
        }
        header.wanted.is_none()
    }

    fn header(&self) -> MutexGuard<'_, Header> {
        self.header.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a header from a source whose bytes may arrive later. `read` starts again each time when a part has arrived, and
/// the parts are forgotten at the end. Headers are small, so that reading one twice takes little time.
pub(super) async fn open<T>(
    label: &str,
    bytes: Box<dyn ByteSource>,
    read: impl Fn(Source) -> Result<T>,
) -> Result<T> {
    let source = Source::arriving(label, Arriving::new(bytes.into()));
    let Some(arriving) = source.as_arriving() else { return read(source) };
    loop {
        let result = read(source.clone());
        let wanted = arriving.header().wanted.take();
        let Some((offset, num_bytes)) = wanted else {
            arriving.header().pieces.clear();
            return result;
        };
        let num_bytes = (num_bytes as u64).max(arriving.header().ahead(offset, source.len));
        let mut piece = Vec::new();
        source.fetch_vec(offset, num_bytes, &mut piece).await?;
        arriving.header().pieces.push((offset, piece));
    }
}

/// The result of a future that waits for nothing, such as a read from a file.
///
/// # Errors
/// If it does wait.
pub(crate) fn at_once<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::new(ErrorKind::Io, "the bytes of a source have not arrived yet")
            .hint("functions that are async wait for them")),
    }
}
