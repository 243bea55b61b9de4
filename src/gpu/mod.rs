//! The GPU through wgpu: choice of an adapter, device, buffers, pipelines, recording of a pass, and read-back.

mod adapter;
mod adapter_summary;
#[cfg(target_family = "wasm")]
mod browser;
mod clock;
mod dx12_compiler;
mod fault;
mod matrix;
mod pipeline_cache_file;
mod pipelines;
mod program;
mod staging;

use std::path::Path;
use std::sync::Arc;

pub use adapter::adapters;
pub use adapter_summary::AdapterSummary;
pub use program::Program;
pub use staging::Staging;

pub(crate) use wgpu::{Buffer, SubmissionIndex};

use crate::dispatch::Requires;
use crate::error::{Error, ErrorKind, Result};
use crate::trace::AdapterInfo;
use fault::{Fault, Planned};
use pipelines::Pipelines;
use staging::Poller;

/// The features that are requested if an adapter has them.
const OPTIONAL_FEATURES: wgpu::Features =
    wgpu::Features::TIMESTAMP_QUERY.union(wgpu::Features::SUBGROUP).union(wgpu::Features::PIPELINE_CACHE);

/// An open adapter. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Gpu(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: AdapterInfo,
    limits: wgpu::Limits,
    min_subgroup_size: u32,
    max_subgroup_size: u32,
    matrix_size: u32,
    fault: Arc<Fault>,
    pipelines: Pipelines,
    poller: Poller,
}

/// Commands that wait to be submitted.
#[derive(Debug)]
pub struct Encoder(wgpu::CommandEncoder);

impl Gpu {
    /// Opens the adapter that `selector` names, in the form of [`crate::Device::request`]. Returns `None` if it is
    /// `auto` and no adapter is hardware.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// if let Some(gpu) = sukashi::Gpu::request("auto").await? {
    ///     println!("{} through {}", gpu.info().name, gpu.info().backend);
    /// }
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If no adapter matches, or if the adapter refuses to open.
    pub async fn request(selector: &str) -> Result<Option<Self>> {
        let Some(adapter) = adapter::choose(selector).await? else { return Ok(None) };
        let gpu = Self::open(&adapter, adapter.limits()).await?;
        // A browser's adapter may have no name before it is open, so only now it shows as a software adapter.
        let is_unasked_software = selector.eq_ignore_ascii_case("auto") && gpu.is_software();
        Ok((!is_unasked_software).then_some(gpu))
    }

    /// Does the same as [`Gpu::request`], with `limits` instead of the adapter's own. A program that runs within
    /// WebGPU's smallest limits runs everywhere.
    ///
    /// # Errors
    /// The errors of [`Gpu::request`]. Also if the adapter has less than `limits`.
    pub async fn request_with_limits(selector: &str, limits: wgpu::Limits) -> Result<Option<Self>> {
        match adapter::choose(selector).await? {
            Some(adapter) => Ok(Some(Self::open(&adapter, limits).await?)),
            None => Ok(None),
        }
    }

    /// Opens an adapter with those of its optional features that this crate uses.
    async fn open(adapter: &wgpu::Adapter, limits: wgpu::Limits) -> Result<Self> {
        let info = adapter::info(&adapter.get_info());
        let matrix_size = matrix::matrix_size(adapter);
        let (matrix_features, experimental_features) = matrix::features(matrix_size);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("sukashi"),
            required_limits: limits.clone(),
            required_features: adapter.features() & OPTIONAL_FEATURES | matrix_features,
            experimental_features,
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(|cause| {
            Error::new(ErrorKind::Device, format!("cannot open the adapter {}", info.name))
                .hint("`sukashi adapters` lists what there is; --device cpu needs none")
                .caused_by(cause)
        })?;
        let info = adapter::info_of_device(adapter, &device);
        let has_subgroups = device.features().contains(wgpu::Features::SUBGROUP);
        let min_subgroup_size = if has_subgroups { adapter.get_info().subgroup_min_size } else { 0 };
        let fault = Arc::new(Fault::default());
        Fault::install(&fault, &device);
        let poller = Poller::new(&device, &fault)?;
        Ok(Self(Arc::new(Inner {
            device,
            queue,
            info,
            limits,
            min_subgroup_size,
            max_subgroup_size: adapter.get_info().subgroup_max_size,
            matrix_size,
            fault,
            pipelines: Pipelines::default(),
            poller,
        })))
    }

    /// Reads the pipelines that an earlier run left in `folder` for this adapter and its driver. When the device is
    /// closed, writes the pipelines of this run there. Only Vulkan's drivers give pipelines out. Other backends ignore
    /// the call. If this is called twice, the first folder counts.
    ///
    /// # Errors
    /// If there is a file that cannot be read. A file that is damaged or of another driver is ignored.
    pub fn keep_pipelines(&self, folder: &Path) -> Result<()> {
        self.0.pipelines.keep(&self.0.device, folder)?;
        self.0.fault.check()
    }

    /// Compiles pipelines with wgpu's counters in their loops from now on. The counters cost time and change no result. A shader that is
    /// being changed may have an endless loop, for which a driver may do anything.
    pub fn bound_loops(&self) {
        self.0.pipelines.bound_loops();
    }

    /// Returns the description of the adapter for a trace.
    pub fn info(&self) -> &AdapterInfo {
        &self.0.info
    }

    /// Returns whether the adapter runs on the CPU, such as lavapipe. Kernels then prefer other shapes.
    pub fn is_software(&self) -> bool {
        self.0.info.kind == "software"
    }

    /// Loses the device, as if the driver were reset or the GPU unplugged. Later uses fail with
    /// [`ErrorKind::DeviceLost`].
    pub fn destroy(&self) {
        self.0.fault.lose("the device was given up".to_owned());
        self.0.device.destroy();
    }

    /// For tests: loses the device at the check of its state after the next `after` checks. There is a check for every
    /// buffer, submission and read.
    #[doc(hidden)]
    pub fn lose_after(&self, after: usize) {
        self.0.fault.plan(after, Planned::Lost(self.0.device.clone()));
    }

    /// For tests: does the same as [`Gpu::lose_after`], but the adapter once has no memory left.
    #[doc(hidden)]
    pub fn refuse_after(&self, after: usize) {
        self.0.fault.plan(after, Planned::OutOfMemory);
    }

    pub(crate) fn max_binding_words(&self) -> usize {
        let bytes = self.0.limits.max_storage_buffer_binding_size.min(self.0.limits.max_buffer_size);
        (bytes / 4) as usize
    }

    /// Makes a storage buffer of `words` words. It begins with `contents`, and the rest is zero.
    pub(crate) fn create_buffer(&self, label: &str, words: usize, contents: &[u32]) -> Result<wgpu::Buffer> {
        if words > self.max_binding_words() {
            return Err(Error::new(
                ErrorKind::OutOfMemory,
                format!("the adapter cannot hold {label} in one buffer"),
            )
            .detail(format!(
                "{} bytes, at most {}",
                words.saturating_mul(4),
                self.max_binding_words() * 4
            )));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        // A binding cannot be empty.
        let size = (words.max(1) * 4) as u64;
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let buffer = self.0.device.create_buffer(&descriptor);
        self.0.fault.check()?;
        if !contents.is_empty() {
            self.write(&buffer, contents);
            // This frees the staging memory soon, since a model has many such buffers.
            self.0.queue.submit([]);
            self.0.fault.check()?;
        }
        Ok(buffer)
    }

    pub(crate) fn write(&self, buffer: &wgpu::Buffer, words: &[u32]) {
        self.0.queue.write_buffer(buffer, 0, bytemuck::cast_slice(words));
    }

    pub(crate) fn upload_part(&self, buffer: &wgpu::Buffer, first_word: usize, words: &[u32]) -> Result<()> {
        self.0.queue.write_buffer(buffer, (first_word * 4) as u64, bytemuck::cast_slice(words));
        // This frees the staging memory soon, since a model has many such parts.
        self.0.queue.submit([]);
        self.0.fault.check()
    }

    pub(crate) fn encoder(&self) -> Encoder {
        Encoder(self.0.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None }))
    }

    /// Returns the submission for which [`Staging::read`] waits.
    pub(crate) fn submit(&self, encoder: Encoder) -> Result<wgpu::SubmissionIndex> {
        self.0.fault.check()?;
        let submission = self.0.queue.submit([encoder.0.finish()]);
        self.0.fault.check()?;
        Ok(submission)
    }

    /// Returns the fewest lanes that a subgroup may have, or 0 if shaders cannot use subgroups.
    pub fn min_subgroup_size(&self) -> u32 {
        self.0.min_subgroup_size
    }

    /// Returns the most lanes that a subgroup may have.
    pub(crate) fn max_subgroup_size(&self) -> u32 {
        self.0.max_subgroup_size
    }

    /// Returns the number of rows, and of columns, of the matrices of f16 that the adapter multiplies at once with sums
    /// in f32: 16 or 8. It is 0 if kernels can use none.
    pub fn matrix_size(&self) -> u32 {
        self.0.matrix_size
    }

    /// Returns whether the adapter meets the requirements of a kernel.
    pub(crate) fn has(&self, requires: &Requires) -> bool {
        self.0.min_subgroup_size >= requires.min_subgroup_size
            && (requires.matrix_size == 0 || self.0.matrix_size == requires.matrix_size)
    }

    /// Returns whether the adapter can tell when a pass began and ended.
    pub fn has_timestamps(&self) -> bool {
        self.0.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    pub(crate) fn staging(&self, words: usize) -> Result<Staging> {
        Staging::new(self, words)
    }
}
