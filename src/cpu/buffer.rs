//! Buffers of words in the CPU's memory.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::{Error, ErrorKind, Result};

/// 32-bit words in the CPU's memory. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Buffer(Arc<RwLock<Vec<u32>>>);

impl Buffer {
    /// Makes a buffer of `words` zeros.
    ///
    /// # Errors
    /// If there is no room for the words.
    pub(crate) fn zeros(label: &str, words: usize) -> Result<Self> {
        let mut storage = Vec::new();
        storage.try_reserve_exact(words).map_err(|cause| {
            let bytes = words.saturating_mul(4);
            Error::new(ErrorKind::OutOfMemory, format!("no room for {label}: {bytes} bytes")).caused_by(cause)
        })?;
        storage.resize(words, 0);
        Ok(Self(Arc::new(RwLock::new(storage))))
    }

    /// Returns the number of words.
    pub(crate) fn len(&self) -> usize {
        self.read_words().len()
    }

    /// Returns whether both are the same memory.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn read_words(&self) -> RwLockReadGuard<'_, Vec<u32>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_words(&self) -> RwLockWriteGuard<'_, Vec<u32>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
