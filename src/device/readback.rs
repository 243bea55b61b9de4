//! Results in host memory.

use super::{Buffer, Device, Recorder};
use crate::error::Result;
use crate::gpu;

/// Reads tensors back into host memory, through a staging buffer made once.
#[derive(Debug)]
pub struct Readback {
    device: Device,
    staging: Option<gpu::Staging>,
    /// What was submitted last and not read yet.
    submission: Option<gpu::SubmissionIndex>,
    words: Vec<u32>,
}

impl Readback {
    /// For up to `words` words at a time.
    ///
    /// # Errors
    /// If the device has no room for it.
    pub fn new(device: &Device, words: usize) -> Result<Self> {
        let staging = match device {
            Device::Gpu(gpu) => Some(gpu.staging(words)?),
            Device::Cpu | Device::Twins => None,
        };
        Ok(Self { device: device.clone(), staging, submission: None, words: vec![0; words] })
    }

    /// Submits what was recorded and gives the first `words` words of `buffer` after it.
    ///
    /// # Errors
    /// If the device fails or is lost meanwhile.
    ///
    /// # Panics
    /// If `words` is more than this was made for.
    pub async fn submit_and_read(
        &mut self,
        recorder: Recorder,
        buffer: &Buffer,
        words: usize,
    ) -> Result<&[u32]> {
        self.submit(recorder, buffer, words)?;
        self.read(words).await
    }

    /// Submits what was recorded with a copy of the first `words` words of `buffer` after it, for [`Self::read`], and waits
    /// for nothing.
    ///
    /// # Errors
    /// If the device is lost.
    ///
    /// # Panics
    /// If `words` is more than this was made for.
    pub fn submit(&mut self, mut recorder: Recorder, buffer: &Buffer, words: usize) -> Result<()> {
        assert!(words <= self.words.len(), "a read-back of more than it was made for");
        match (&self.device, &mut self.staging, recorder.0.take()) {
            (Device::Gpu(gpu), Some(staging), Some(mut encoder)) => {
                staging.copy_from(gpu, &mut encoder, buffer.gpu(), words);
                self.submission = Some(gpu.submit(encoder)?);
            }
            _ => self.words[..words].copy_from_slice(&buffer.cpu().read_words()[..words]),
        }
        Ok(())
    }

    /// Waits for what was submitted last, though not for what others submitted after it, and gives its first `words` words.
    ///
    /// # Errors
    /// If the device fails or is lost meanwhile.
    ///
    /// # Panics
    /// If `words` is more than this was made for.
    pub async fn read(&mut self, words: usize) -> Result<&[u32]> {
        let target = &mut self.words[..words];
        if let (Device::Gpu(gpu), Some(staging), Some(submission)) =
            (&self.device, &mut self.staging, self.submission.take())
        {
            staging.read(gpu, submission, target).await?;
        }
        Ok(target)
    }
}
