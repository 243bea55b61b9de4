//! All pipelines that were made on a device.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rayon::prelude::*;
use web_time::Instant;
use wgpu::{BindGroupLayoutEntry, BindingType, BufferBindingType};

use super::pipeline_cache_file::PipelineCacheFile;
use crate::dispatch::{Access, Constants, Dispatch, Kernel};
use crate::error::Result;

/// The pipelines of a device by their keys, and the file that keeps them between runs.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    known: Mutex<HashMap<Key, wgpu::ComputePipeline>>,
    kept: OnceLock<PipelineCacheFile>,
    bounds_loops: AtomicBool,
    /// Whether pipelines were compiled since the last read in a browser, which reports their errors later.
    unproven: AtomicBool,
}

/// The key of a pipeline: name and text of the shader, and its constants.
type Key = (&'static str, &'static str, Vec<(&'static str, u64)>);

fn key(dispatch: &Dispatch) -> Key {
    let constants = dispatch.constants.iter().map(|(name, value)| (*name, value.to_bits())).collect();
    (dispatch.kernel.name, dispatch.kernel.wgsl, constants)
}

impl Pipelines {
    /// Keeps the pipelines in `folder`. See [`super::Gpu::keep_pipelines`].
    pub(super) fn keep(&self, device: &wgpu::Device, folder: &Path) -> Result<()> {
        if let Some(kept) = PipelineCacheFile::open(device, folder)? {
            // The first folder stays.
            let _ = self.kept.set(kept);
        }
        Ok(())
    }

    /// Compiles later pipelines with counters in their loops. See [`super::Gpu::bound_loops`].
    pub(super) fn bound_loops(&self) {
        self.bounds_loops.store(true, Ordering::Relaxed);
    }

    /// Returns the pipelines of these dispatches in their order. Missing ones are compiled in parallel.
    pub(super) fn of(&self, device: &wgpu::Device, dispatches: &[&Dispatch]) -> Vec<wgpu::ComputePipeline> {
        let keys: Vec<Key> = dispatches.iter().map(|dispatch| key(dispatch)).collect();
        let mut missing: HashMap<&Key, (&'static Kernel, &Constants)> = HashMap::new();
        {
            let known = self.known();
            for (key, dispatch) in keys.iter().zip(dispatches) {
                if !known.contains_key(key) {
                    missing.insert(key, (dispatch.kernel, &dispatch.constants));
                }
            }
        }
        let cache = self.kept.get().map(PipelineCacheFile::cache);
        let bounds_loops = self.bounds_loops.load(Ordering::Relaxed);
        let compiled: Vec<_> = missing
            .into_par_iter()
            .map(|(key, (kernel, constants))| {
                let start = Instant::now();
                let pipeline = compile(device, kernel, constants, (cache, bounds_loops));
                tracing::debug!("compiled {} {constants:?} in {:.0?}", kernel.name, start.elapsed());
                (key.clone(), pipeline)
            })
            .collect();
        if !compiled.is_empty() {
            self.unproven.store(true, Ordering::Relaxed);
        }
        let mut known = self.known();
        known.extend(compiled);
        keys.iter().map(|key| known[key].clone()).collect()
    }

    /// Whether pipelines were compiled since the last call.
    #[cfg(target_family = "wasm")]
    pub(super) fn take_unproven(&self) -> bool {
        self.unproven.swap(false, Ordering::Relaxed)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, wgpu::ComputePipeline>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pipelines {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.get()
            && let Err(error) = kept.write()
        {
            tracing::warn!("{error}");
        }
    }
}

/// The text of a kernel's shader. A browser wants to read that it uses subgroups; wgpu's own parser does not know that
/// directive.
fn source(kernel: &Kernel) -> Cow<'static, str> {
    match cfg!(target_family = "wasm") && kernel.requires.min_subgroup_size > 0 {
        true => format!("enable subgroups;\n{}", kernel.wgsl).into(),
        false => kernel.wgsl.into(),
    }
}

/// Makes the module of a kernel.
///
/// wgpu adds a counter to each loop, so that an endless loop has an end and a driver cannot take the code after it for unreachable. The
/// counters are a tenth to a fifth of the instructions of many kernels.
#[allow(unsafe_code, reason = "wgpu leaves the counters out only where the caller promises that loops end")]
fn shader_module(device: &wgpu::Device, kernel: &Kernel, bounds_loops: bool) -> wgpu::ShaderModule {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(kernel.name),
        source: wgpu::ShaderSource::Wgsl(source(kernel)),
    };
    let checks = wgpu::ShaderRuntimeChecks {
        force_loop_bounding: bounds_loops,
        ..wgpu::ShaderRuntimeChecks::checked()
    };
    // SAFETY: the shaders are those of this crate, and no text of a file becomes one. Each of their loops counts up by at least 1 to a
    // bound, or halves a number until it is small; a test reads all of them (`tests/shaders/loops.rs`). Bounds are constants and
    // numbers of elements in a buffer, which are far from the end of u32. All other checks stay.
    unsafe { device.create_shader_module_trusted(descriptor, checks) }
}

fn compile(
    device: &wgpu::Device,
    kernel: &Kernel,
    constants: &Constants,
    (cache, bounds_loops): (Option<&wgpu::PipelineCache>, bool),
) -> wgpu::ComputePipeline {
    let module = shader_module(device, kernel, bounds_loops);
    let layout_entry = |binding: usize, ty| BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let mut entries =
        vec![layout_entry(0, BufferBindingType::Uniform), layout_entry(1, BufferBindingType::Uniform)];
    for (index, access) in kernel.buffers.iter().enumerate() {
        let read_only = *access == Access::Read;
        entries.push(layout_entry(index + 2, BufferBindingType::Storage { read_only }));
    }
    let bind_group_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(kernel.name),
        entries: &entries,
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kernel.name),
        bind_group_layouts: &[Some(&bind_group_layout)],
        immediate_size: 0,
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(kernel.name),
        layout: Some(&layout),
        module: &module,
        entry_point: Some(kernel.name),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants,
            // Every kernel writes its workgroup memory before it reads from it.
            zero_initialize_workgroup_memory: false,
        },
        cache,
    })
}

#[cfg(test)]
mod tests {
    use wgpu::Features;

    #[test]
    fn wgpu_offers_no_subgroups_in_browsers_yet() {
        let offered = Features::all_webgpu_mask().contains(Features::SUBGROUP);
        assert!(
            !offered,
            "kernels with subgroups may run in browsers now: scripts/check_web.sh says whether they do"
        );
    }
}
