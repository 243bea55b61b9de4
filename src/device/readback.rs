//! Reads results back into host memory.

use super::{Buffer, Device, Recorder};
use crate::error::Result;
use crate::gpu;

/// Reads tensors back into host memory, through a staging buffer that is made once.
#[derive(Debug)]
pub struct Readback {
    device: Device,
    staging: Option<gpu::Staging>,
    /// The last submission that is not read yet.
    submission: Option<gpu::SubmissionIndex>,
    words: Vec<u32>,
}

impl Readback {
    /// Makes a staging buffer for up to `words` words at a time.
    ///
    /// # Errors
    /// If the device has no room for the buffer.
    pub fn new(device: &Device, words: usize) -> Result<Self> {
        let staging = match device {
            Device::Gpu(gpu) => Some(gpu.staging(words)?),
            Device::Cpu | Device::Twins => None,
        };
        Ok(Self { device: device.clone(), staging, submission: None, words: vec![0; words] })
    }

    /// Submits the recorded work, and returns the first `words` words of `buffer` after it.
    ///
    /// # Errors
    /// If the device fails or is lost.
    ///
    /// # Panics
    /// If `words` is more than the staging buffer holds.
    pub async fn submit_and_read(
        &mut self,
        recorder: Recorder,
        buffer: &Buffer,
        words: usize,
    ) -> Result<&[u32]> {
        self.submit(recorder, buffer, words)?;
        self.read(words).await
    }

    /// Submits the recorded work, with a copy of the first `words` words of `buffer` after it. [`Self::read`] reads the
    /// copy. This does not wait.
    ///
    /// # Errors
    /// If the device is lost.
    ///
    /// # Panics
    /// If `words` is more than the staging buffer holds.
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

    /// Waits for the last submission of this read-back, and returns its first `words` words. It does not wait for later
    /// submissions of others.
    ///
    /// # Errors
    /// If the device fails or is lost.
    ///
    /// # Panics
    /// If `words` is more than the staging buffer holds.
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
