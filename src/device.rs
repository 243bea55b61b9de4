//! A device: a GPU through wgpu, or the CPU. Buffers live on one.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::error::{Error, ErrorKind, Result};
use crate::gpu::Gpu;
use crate::kernels::{Fusion, GemvShape, Kernel, Prefill, Product, Recorder};
use crate::trace::AdapterInfo;
use crate::tuning::Tuning;

/// Where a model runs.
///
/// ```
/// # pollster::block_on(async {
/// let device = sukashi::Device::request("cpu").await?;
/// assert_eq!(device.info().backend, "cpu");
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub enum Device {
    /// An adapter, through wgpu.
    Gpu(Gpu),
    /// The CPU, with all of its cores and its widest vectors: always there.
    Cpu,
    /// The CPU twins, with sums in f64: what the other devices are held against, and too slow for much else.
    Twins,
}

impl Device {
    /// The device that `selector` names: `auto`, `cpu`, an index from [`crate::gpu::adapters`], a backend (`vulkan`,
    /// `metal`, `dx12`, `gl`), part of an adapter's name, or `twins`.
    ///
    /// `auto` takes a discrete GPU, then an integrated one, then a virtual one, and [`Device::Cpu`] where no adapter is
    /// hardware. It never takes a software adapter, which is several times slower than the CPU device: name it.
    ///
    /// # Errors
    /// If nothing matches (the message lists what there is), or the adapter refuses to open.
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

    /// What it is, for a trace.
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

    /// Whether it has what `kernel` needs; the CPU runs all.
    pub fn runs(&self, kernel: &Kernel) -> bool {
        match self {
            Self::Gpu(gpu) => gpu.has(&kernel.requires),
            Self::Cpu | Self::Twins => true,
        }
    }

    /// Uses the shapes of `tuning` in every plan that is made from now on; the CPU has no shapes.
    pub fn set_tuning(&self, tuning: Tuning) {
        if let Self::Gpu(gpu) = self {
            gpu.set_tuning(tuning);
        }
    }

    /// The shape for a product: the tuned one if the device can run it, or what suits its kind.
    pub(crate) fn gemv_shape(&self, product: Product) -> GemvShape {
        let tuned = match self {
            Self::Gpu(gpu) => gpu.tuned_shape(&product),
            Self::Cpu | Self::Twins => None,
        };
        tuned.filter(|shape| self.runs(shape.kernel())).unwrap_or_else(|| GemvShape::of(self))
    }

    /// The kernel for a product with the tokens of a prompt, likewise.
    pub(crate) fn prefill(&self, product: &Product) -> Prefill {
        let tuned = match self {
            Self::Gpu(gpu) => gpu.tuned_prefill(product),
            Self::Cpu | Self::Twins => None,
        };
        tuned.filter(|prefill| prefill.runs_on(self)).unwrap_or_else(|| Prefill::of(self))
    }

    /// What the dispatches of a decoded token bring together in a model of these products: as is tuned, or as suits the device's kind.
    pub(crate) fn fusion(&self, products: &[Product]) -> Fusion {
        let tuned = match self {
            Self::Gpu(gpu) => gpu.tuned_fusion(products),
            Self::Cpu | Self::Twins => None,
        };
        tuned.unwrap_or_else(|| Fusion::of(self))
    }

    /// Whether kernels do more than one thing each; see [`Fusion`]. The CPU runs the plain ones, which cost it no launch.
    pub fn fuses(&self) -> bool {
        Fusion::of(self) != Fusion::None
    }

    /// The most 32-bit words that one binding can hold.
    pub(crate) fn max_binding_words(&self) -> usize {
        match self {
            Self::Gpu(gpu) => gpu.max_binding_words(),
            Self::Cpu | Self::Twins => usize::MAX,
        }
    }

    /// A buffer of `words` zeros.
    pub(crate) fn zeros(&self, label: &str, words: usize) -> Result<Buffer> {
        match self {
            Self::Gpu(gpu) => Ok(Buffer(Arc::new(Storage::Gpu(gpu.create_buffer(label, words, &[])?)))),
            Self::Cpu | Self::Twins => {
                let mut storage = Vec::new();
                storage.try_reserve_exact(words).map_err(|cause| {
                    Error::new(
                        ErrorKind::OutOfMemory,
                        format!("no room for {label}: {} bytes", words.saturating_mul(4)),
                    )
                    .caused_by(cause)
                })?;
                storage.resize(words, 0);
                Ok(Buffer(Arc::new(Storage::Cpu(RwLock::new(storage)))))
            }
        }
    }

    /// A buffer of these words.
    pub(crate) fn upload(&self, label: &str, words: &[u32]) -> Result<Buffer> {
        match self {
            Self::Gpu(gpu) => {
                Ok(Buffer(Arc::new(Storage::Gpu(gpu.create_buffer(label, words.len(), words)?))))
            }
            Self::Cpu | Self::Twins => {
                let buffer = self.zeros(label, words.len())?;
                buffer.write_words().copy_from_slice(words);
                Ok(buffer)
            }
        }
    }

    /// Overwrites the start of `buffer`, before anything that is submitted later.
    pub(crate) fn write(&self, buffer: &Buffer, words: &[u32]) {
        match (self, &*buffer.0) {
            (Self::Gpu(gpu), Storage::Gpu(target)) => gpu.write(target, words),
            (Self::Cpu | Self::Twins, Storage::Cpu(_)) => {
                buffer.write_words()[..words.len()].copy_from_slice(words)
            }
            _ => panic!("a buffer belongs to the device that made it"),
        }
    }

    /// Overwrites words of `buffer` from `first_word` on, and lets go of the copy that the upload needs.
    pub(crate) fn upload_part(&self, buffer: &Buffer, first_word: usize, words: &[u32]) -> Result<()> {
        match (self, &*buffer.0) {
            (Self::Gpu(gpu), Storage::Gpu(target)) => gpu.upload_part(target, first_word, words),
            (Self::Cpu | Self::Twins, Storage::Cpu(_)) => {
                buffer.write_words()[first_word..][..words.len()].copy_from_slice(words);
                Ok(())
            }
            _ => panic!("a buffer belongs to the device that made it"),
        }
    }

    /// Starts recording: what [`crate::kernels::Program::run`] writes into.
    pub fn record(&self) -> Recorder {
        match self {
            Self::Gpu(gpu) => Recorder(Some(gpu.encoder())),
            Self::Cpu | Self::Twins => Recorder(None),
        }
    }

    /// Runs what was recorded, without waiting.
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

/// 32-bit words on a device. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Buffer(Arc<Storage>);

#[derive(Debug)]
enum Storage {
    Gpu(wgpu::Buffer),
    Cpu(RwLock<Vec<u32>>),
}

impl Buffer {
    /// How many words.
    pub fn len(&self) -> usize {
        match &*self.0 {
            Storage::Gpu(buffer) => (buffer.size() / 4) as usize,
            Storage::Cpu(words) => words.read().map_or(0, |words| words.len()),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both are the same memory.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn gpu(&self) -> &wgpu::Buffer {
        match &*self.0 {
            Storage::Gpu(buffer) => buffer,
            Storage::Cpu(_) => panic!("a buffer belongs to the device that made it"),
        }
    }

    fn lock(&self) -> &RwLock<Vec<u32>> {
        match &*self.0 {
            Storage::Cpu(words) => words,
            Storage::Gpu(_) => panic!("a buffer belongs to the device that made it"),
        }
    }

    pub(crate) fn read_words(&self) -> RwLockReadGuard<'_, Vec<u32>> {
        self.lock().read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn write_words(&self) -> RwLockWriteGuard<'_, Vec<u32>> {
        self.lock().write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Reads tensors back into host memory, through a staging buffer made once.
#[derive(Debug)]
pub struct Readback {
    device: Device,
    staging: Option<crate::gpu::Staging>,
    /// What was submitted last and not read yet.
    submission: Option<wgpu::SubmissionIndex>,
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
            _ => self.words[..words].copy_from_slice(&buffer.read_words()[..words]),
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
