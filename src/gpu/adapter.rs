//! Lists the adapters, and selects one.

use wgpu::{Backend, Backends, DeviceType, Features};

use super::AdapterSummary;
use super::dx12_compiler::dx12_compiler;
use crate::error::{Error, Result};
use crate::trace::AdapterInfo;

/// The backends that are asked first. GL is the slowest one, and asking it starts code of the window system.
const PRIMARY: Backends =
    Backends::VULKAN.union(Backends::METAL).union(Backends::DX12).union(Backends::BROWSER_WEBGPU);

/// The backends that are asked if the first ones do not have what is wanted. A browser has WebGPU only, and would list
/// its adapter again.
const SECONDARY: Backends = if cfg!(target_family = "wasm") { Backends::empty() } else { Backends::GL };

/// Returns every adapter in the order of the indices on the command line. Those of GL come last. In a browser, there is
/// at most one.
pub async fn adapters() -> Vec<AdapterSummary> {
    let mut all = enumerate(PRIMARY).await;
    all.extend(enumerate(SECONDARY).await);
    all.iter().map(summary).collect()
}

/// The adapter that `selector` names. `None` if it is `auto` and no adapter is hardware.
pub(super) async fn choose(selector: &str) -> Result<Option<wgpu::Adapter>> {
    let mut known = enumerate(PRIMARY).await;
    if selector.eq_ignore_ascii_case("auto") {
        return Ok(match best_hardware(known) {
            None => best_hardware(enumerate(SECONDARY).await),
            found => found,
        });
    }
    if let Some(adapter) = find(&known, selector) {
        return Ok(Some(adapter));
    }
    known.extend(enumerate(SECONDARY).await);
    if let Some(adapter) = find(&known, selector) {
        return Ok(Some(adapter));
    }
    let mut error = Error::input(format!("no adapter matches --device {selector}"));
    for (index, adapter) in known.iter().enumerate() {
        let info = info(&adapter.get_info());
        error = error.detail(format!("{index}: {} ({}, {})", info.name, info.backend, info.kind));
    }
    if known.is_empty() {
        error = error.detail("there is no adapter on this machine");
    }
    Err(error.hint("auto and cpu always work"))
}

/// The name of an adapter that has none.
const UNNAMED: &str = "unnamed adapter";

/// The storage buffers that a shader may bind. WebGPU guarantees so many, and no kernel here binds more.
const STORAGE_BUFFERS: u32 = 8;

async fn enumerate(backends: Backends) -> Vec<wgpu::Adapter> {
    if backends.is_empty() {
        return Vec::new();
    }
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let adapters = wgpu::Instance::new(descriptor).enumerate_adapters(backends).await;
    let computes = |adapter: &wgpu::Adapter| {
        adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
            && adapter.limits().max_storage_buffers_per_shader_stage >= STORAGE_BUFFERS
    };
    adapters.into_iter().filter(computes).collect()
}

/// The first adapter with this index, with this backend, or with `selector` in its name.
fn find(adapters: &[wgpu::Adapter], selector: &str) -> Option<wgpu::Adapter> {
    if let Ok(index) = selector.parse::<usize>() {
        return adapters.get(index).cloned();
    }
    let selector = selector.to_lowercase();
    let matches = |adapter: &&wgpu::Adapter| {
        let info = info(&adapter.get_info());
        info.backend == selector || info.name.to_lowercase().contains(&selector)
    };
    adapters.iter().find(matches).cloned()
}

/// The first adapter of the best kind of hardware. A software adapter is several times slower than the CPU device.
fn best_hardware(adapters: Vec<wgpu::Adapter>) -> Option<wgpu::Adapter> {
    let rank = |adapter: &wgpu::Adapter| preference(kind(&adapter.get_info()));
    adapters.into_iter().filter(|adapter| rank(adapter).is_some()).min_by_key(rank)
}

/// The rank of a kind of adapter. A lower rank is better, and a software adapter has `None`. GL cannot tell the kind of
/// most GPUs, which are `other` there.
fn preference(kind: &str) -> Option<usize> {
    ["discrete", "integrated", "virtual", "other"].iter().position(|hardware| *hardware == kind)
}

fn summary(adapter: &wgpu::Adapter) -> AdapterSummary {
    let wgpu_info = adapter.get_info();
    let limits = adapter.limits();
    let optional = [
        (Features::SHADER_F16, "f16"),
        (Features::SUBGROUP, "subgroups"),
        (Features::TIMESTAMP_QUERY, "timestamps"),
    ];
    let features = adapter.features();
    AdapterSummary {
        info: info(&wgpu_info),
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        max_workgroup_size: limits.max_compute_invocations_per_workgroup,
        max_workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
        subgroup_size: (wgpu_info.subgroup_min_size, wgpu_info.subgroup_max_size),
        features: optional
            .iter()
            .filter(|(feature, _)| features.contains(*feature))
            .map(|(_, name)| *name)
            .chain((super::matrix::matrix_size(adapter) > 0).then_some("matrices"))
            .collect(),
        shader_compiler: (wgpu_info.backend == Backend::Dx12).then(dx12_compiler),
    }
}

/// An adapter in the words of a trace.
pub(super) fn info(info: &wgpu::AdapterInfo) -> AdapterInfo {
    let backend = match info.backend {
        Backend::Vulkan => "vulkan",
        Backend::Metal => "metal",
        Backend::Dx12 => "dx12",
        Backend::Gl => "gl",
        Backend::BrowserWebGpu => "webgpu",
        Backend::Noop => "noop",
    };
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    // Some browsers tell nothing about an adapter before it is opened.
    let name = if info.name.is_empty() { UNNAMED } else { &info.name };
    AdapterInfo { name: name.into(), backend: backend.into(), driver, kind: kind(info).into() }
}

/// An adapter in the words of a trace, and what its device adds. Only an open device of a browser has a name.
pub(super) fn info_of_device(adapter: &wgpu::Adapter, device: &wgpu::Device) -> AdapterInfo {
    #[cfg(target_family = "wasm")]
    return super::browser::named(info(&adapter.get_info()), device);
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = device;
        info(&adapter.get_info())
    }
}

/// Returns whether an adapter of this name runs on the CPU.
pub(super) fn is_software(name: &str) -> bool {
    let software = ["llvmpipe", "lavapipe", "softpipe", "swiftshader", "basic render"];
    software.iter().any(|known| name.to_lowercase().contains(known))
}

/// The kind of hardware behind an adapter.
fn kind(info: &wgpu::AdapterInfo) -> &'static str {
    match info.device_type {
        DeviceType::Cpu => "software",
        // Some software adapters do not say that they are one.
        _ if is_software(&info.name) => "software",
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(device_type: DeviceType, name: &str) -> &'static str {
        kind(&wgpu::AdapterInfo { name: name.into(), ..wgpu::AdapterInfo::new(device_type, Backend::Vulkan) })
    }

    #[test]
    fn only_hardware_is_chosen_unasked_and_discrete_gpus_first() {
        let ranks = [
            (DeviceType::DiscreteGpu, "NVIDIA H200"),
            (DeviceType::IntegratedGpu, "Intel(R) Graphics"),
            (DeviceType::VirtualGpu, "Virtio-GPU Venus"),
            (DeviceType::Other, "AMD Radeon (GL)"),
        ]
        .map(|(device_type, name)| preference(kind_of(device_type, name)));
        assert_eq!(ranks, [Some(0), Some(1), Some(2), Some(3)]);
        for (device_type, name) in [
            (DeviceType::Cpu, "llvmpipe (LLVM 15.0.6, 256 bits)"),
            (DeviceType::Cpu, "SwiftShader Device (LLVM 10.0.0)"),
            (DeviceType::Cpu, "any other"),
            (DeviceType::Other, "llvmpipe (LLVM 15.0.6, 256 bits)"),
            (DeviceType::VirtualGpu, "Microsoft Basic Render Driver"),
        ] {
            assert_eq!(preference(kind_of(device_type, name)), None, "{name}");
        }
    }
}
