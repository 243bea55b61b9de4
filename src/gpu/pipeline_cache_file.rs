//! Keeps compiled pipelines in a file between runs, if the driver gives them out.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::{file, output, shown};

/// Drivers add pipelines to those of the file, and remove none. A file that is larger than this is replaced.
const MAX_BYTES: u64 = 64 << 20;
/// The bytes of the hash at the beginning of a file.
const HASH_BYTES: usize = 32;

/// A driver's cache of pipelines, with its file.
#[derive(Debug)]
pub(super) struct PipelineCacheFile {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    /// The content of the file when it was read. It is empty if there was no file.
    before: Vec<u8>,
}

impl PipelineCacheFile {
    /// Opens the cache of `device` in `folder`. Returns `None` if its backend has none. A file that is damaged, too
    /// large, or of another driver is ignored.
    pub(super) fn open(device: &wgpu::Device, folder: &Path) -> Result<Option<Self>> {
        if !device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return Ok(None);
        }
        let Some(name) = wgpu::util::pipeline_cache_key(&device.adapter_info()) else { return Ok(None) };
        let path = folder.join(name);
        let before = read(&path)?;
        let data = checked(&before);
        if data.is_none() && !before.is_empty() {
            let path = path.display().to_string();
            tracing::warn!("{} is damaged; pipelines are compiled anew", shown::excerpt(&path));
        }
        Ok(Some(Self { cache: create(device, data), path, before }))
    }

    /// The cache with which pipelines are compiled.
    pub(super) fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Writes the file, as a whole or not at all, if its content has changed.
    pub(super) fn write(&self) -> Result<()> {
        let Some(data) = self.cache.get_data() else { return Ok(()) };
        if checked(&self.before) == Some(&data) {
            return Ok(());
        }
        let file = |cause| Error::file("store compiled pipelines", &self.path, cause);
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(file)?;
        output::write_with(&self.path, true, |file| {
            file.write_all(&Sha256::digest(&data))?;
            file.write_all(&data)
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() > MAX_BYTES => Ok(Vec::new()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        _ => file::read(path, MAX_BYTES),
    }
}

/// The data of a file, if its hash is right.
fn checked(content: &[u8]) -> Option<&[u8]> {
    let (hash, data) = content.split_at_checked(HASH_BYTES)?;
    (Sha256::digest(data).as_slice() == hash).then_some(data)
}

#[allow(unsafe_code, reason = "wgpu takes a cache's data in no other way")]
fn create(device: &wgpu::Device, data: Option<&[u8]>) -> wgpu::PipelineCache {
    let descriptor = wgpu::PipelineCacheDescriptor { label: Some("sukashi"), data, fallback: true };
    // SAFETY: `data` must come from `get_data`. `PipelineCacheFile::write` took it from there, as the hash before it
    // shows, unless somebody forged both. wgpu itself refuses the data of another adapter or driver.
    unsafe { device.create_pipeline_cache(&descriptor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_used() {
        let data = b"compiled";
        let mut content = Sha256::digest(data).to_vec();
        content.extend(data);
        assert_eq!(checked(&content), Some(data.as_slice()));
        for index in 0..content.len() {
            assert_eq!(checked(&content[..index]), None, "cut at {index}");
            let mut damaged = content.clone();
            damaged[index] ^= 1;
            assert_eq!(checked(&damaged), None, "damaged at {index}");
        }
        content.push(0);
        assert_eq!(checked(&content), None);
    }

    #[test]
    fn what_is_too_large_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        assert!(read(&path).unwrap().is_empty());
        let file = fs::File::create(&path).unwrap();
        file.set_len(MAX_BYTES + 1).unwrap();
        assert!(read(&path).unwrap().is_empty());
        assert!(read(folder.path()).is_err(), "a folder is no cache");
    }
}
