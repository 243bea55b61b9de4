//! A device: a GPU through wgpu, or the CPU. Also the data on a device: buffers, tensors of activations, and matrices
//! of weights.

mod buffer;
mod matrix;
mod program;
mod readback;
mod tensor;

pub use buffer::Buffer;
pub use matrix::{Matrix, MatrixPart};
pub use program::{Program, Recorder, Recording};
pub use readback::Readback;
pub use tensor::Tensor;

use crate::cpu;
use crate::dispatch::Kernel;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::trace::AdapterInfo;
use buffer::Storage;

/// The device on which a model runs.
///
/// ```
/// # pollster::block_on(async {
/// let device = sukashi::Device::request("cpu").await?;
/// assert_eq!(device.info().backend, "cpu");
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub enum Device {
    /// A GPU through wgpu.
    Gpu(Gpu),
    /// The CPU with all of its cores and its widest vectors. Every machine has this device.
    Cpu,
    /// The CPU twins, whose sums are in f64. They are the reference implementation for the other devices, and too slow
    /// for other uses.
    Twins,
}

impl Device {
    /// Opens the device that `selector` names: `auto`, `cpu`, an index from [`crate::gpu::adapters`], a backend
    /// (`vulkan`, `metal`, `dx12`, `gl`, `webgpu` in a browser), part of an adapter's name, or `twins`.
    ///
    /// `auto` prefers a discrete GPU, then an integrated one, then a virtual one. If no adapter is hardware, it falls
    /// back to [`Device::Cpu`]. It never takes a software adapter, which is several times slower than the CPU device. A
    /// selector can name one. A program that asks for `auto` should tell its user which device it got ([`Device::info`]).
    ///
    /// # Errors
    /// If no adapter matches (the message lists all adapters), or if the adapter refuses to open.
    pub async fn request(selector: &str) -> Result<Self> {
        if selector.eq_ignore_ascii_case("cpu") {
            return Ok(Self::Cpu);
        }
        if selector.eq_ignore_ascii_case("twins") {
            return Ok(Self::Twins);
        }
        match Gpu::request(selector).await? {
            Some(gpu) => Ok(Self::Gpu(gpu)),
            None => Ok(Self::Cpu),
        }
    }

    /// Returns the description of the device for a trace.
    pub fn info(&self) -> AdapterInfo {
        match self {
            Self::Gpu(gpu) => gpu.info().clone(),
            Self::Cpu | Self::Twins => AdapterInfo {
                name: if matches!(self, Self::Cpu) { "CPU" } else { "CPU twins" }.into(),
                backend: "cpu".into(),
                driver: format!("sukashi {}", env!("CARGO_PKG_VERSION")),
                kind: "cpu".into(),
            },
        }
    }

    /// Returns whether the device has what `kernel` needs. The CPU runs all kernels.
    pub fn runs(&self, kernel: &Kernel) -> bool {
        match self {
            Self::Gpu(gpu) => gpu.has(&kernel.requires),
            Self::Cpu | Self::Twins => true,
        }
    }

    /// Returns the most 32-bit words that one binding can hold.
    pub(crate) fn max_binding_words(&self) -> usize {
        match self {
            Self::Gpu(gpu) => gpu.max_binding_words(),
            Self::Cpu | Self::Twins => usize::MAX,
        }
    }

    /// Makes a buffer of `words` zeros.
    pub(crate) fn zeros(&self, label: &str, words: usize) -> Result<Buffer> {
        match self {
            Self::Gpu(gpu) => Ok(Buffer(Storage::Gpu(gpu.create_buffer(label, words, &[])?))),
            Self::Cpu | Self::Twins => Ok(Buffer(Storage::Cpu(cpu::Buffer::zeros(label, words)?))),
        }
    }

    /// Makes a buffer of these words.
    pub(crate) fn upload(&self, label: &str, words: &[u32]) -> Result<Buffer> {
        match self {
            Self::Gpu(gpu) => Ok(Buffer(Storage::Gpu(gpu.create_buffer(label, words.len(), words)?))),
            Self::Cpu | Self::Twins => {
                let buffer = self.zeros(label, words.len())?;
                buffer.cpu().write_words().copy_from_slice(words);
                Ok(buffer)
            }
        }
    }

    /// Overwrites the start of `buffer`. Later submissions use the new words.
    ///
    /// # Panics
    /// If `buffer` belongs to another device.
    pub(crate) fn write(&self, buffer: &Buffer, words: &[u32]) {
        match self {
            Self::Gpu(gpu) => gpu.write(buffer.gpu(), words),
            Self::Cpu | Self::Twins => buffer.cpu().write_words()[..words.len()].copy_from_slice(words),
        }
    }

    /// Overwrites words of `buffer` from `first_word` on, and frees the copy that the upload needs.
    ///
    /// # Panics
    /// If `buffer` belongs to another device.
    pub(crate) fn upload_part(&self, buffer: &Buffer, first_word: usize, words: &[u32]) -> Result<()> {
        match self {
            Self::Gpu(gpu) => gpu.upload_part(buffer.gpu(), first_word, words),
            Self::Cpu | Self::Twins => {
                buffer.cpu().write_words()[first_word..][..words.len()].copy_from_slice(words);
                Ok(())
            }
        }
    }

    /// Starts a recorder, into which [`Program::run`] records.
    pub fn record(&self) -> Recorder {
        match self {
            Self::Gpu(gpu) => Recorder(Some(gpu.encoder())),
            Self::Cpu | Self::Twins => Recorder(None),
        }
    }

    /// Copies `words` words within `buffer`, from one word on to another. A GPU copies by way of `scratch`, which has at
    /// least as many words: WebGPU has no copy within a buffer. The copy comes after what was submitted before.
    ///
    /// # Errors
    /// If the device is lost.
    ///
    /// # Panics
    /// If a range is outside the buffer, or a buffer belongs to another device.
    pub(crate) fn copy_within(
        &self,
        buffer: &Buffer,
        scratch: &Buffer,
        (from, to): (usize, usize),
        words: usize,
    ) -> Result<()> {
        match self {
            Self::Gpu(gpu) => {
                let mut encoder = gpu.encoder();
                encoder.copy_words(buffer.gpu(), from, scratch.gpu(), 0, words);
                encoder.copy_words(scratch.gpu(), 0, buffer.gpu(), to, words);
                gpu.submit(encoder).map(|_| ())
            }
            Self::Cpu | Self::Twins => {
                buffer.cpu().write_words().copy_within(from..from + words, to);
                Ok(())
            }
        }
    }

    /// Submits the recorded work, and does not wait for it.
    ///
    /// # Errors
    /// If the device is lost.
    pub fn submit(&self, recorder: Recorder) -> Result<()> {
        match (self, recorder.0) {
            (Self::Gpu(gpu), Some(encoder)) => gpu.submit(encoder).map(|_| ()),
            _ => Ok(()),
        }
    }
}

impl From<Gpu> for Device {
    fn from(gpu: Gpu) -> Self {
        Self::Gpu(gpu)
    }
}
