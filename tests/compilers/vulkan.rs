//! A Vulkan driver that compiles, with or without the hardware behind it.
#![allow(unsafe_code, reason = "Vulkan is called directly: wgpu opens no device whose hardware is missing")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};

use ash::{ext, khr, vk};
use sukashi::dispatch::{Access, Kernel};
use sukashi::kernels::variants::Hardware;

/// The properties of a device that affect the SPIR-V from wgpu.
#[derive(Debug, Clone, Copy)]
pub struct Features {
    pub spirv_version: (u8, u8),
    pub subgroups: bool,
    /// Whether the device has robustBufferAccess2.
    pub robust_buffers: bool,
    pub zero_initializes: bool,
    pub dot_products: bool,
    pub int8: bool,
    /// The size of matrices, as in [`sukashi::Gpu::matrix_size`].
    pub matrix_size: u32,
}

/// A driver's report on one program of a shader. AMD's driver makes one, and Intel's makes one for each number of
/// lanes.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The statistics by the driver's names.
    pub statistics: BTreeMap<String, f64>,
    /// The lanes of a subgroup.
    pub subgroup_size: u32,
    /// The machine code as text, if the driver gives it.
    pub assembly: String,
}

pub struct Driver {
    entry: ash::Entry,
    instance: ash::Instance,
    device: ash::Device,
    executables: khr::pipeline_executable_properties::Device,
    pub features: Features,
    pub hardware: Hardware,
    /// The name of the device.
    pub name: String,
    /// The name and the version of the driver.
    pub version: String,
}

/// The extensions with which wgpu-hal compiles shaders in another way.
const EXTENSIONS: [&CStr; 2] = [ext::robustness2::NAME, khr::cooperative_matrix::NAME];

impl Driver {
    /// The first device of the first driver that the Vulkan loader finds.
    pub fn open() -> Result<Self, String> {
        let say = |what: &'static str| move |error: vk::Result| format!("{what}: {error}");
        // SAFETY: the loader is the system's.
        let entry = unsafe { ash::Entry::load() }.map_err(|error| format!("no Vulkan loader: {error}"))?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let info = vk::InstanceCreateInfo::default().application_info(&application);
        // SAFETY: `info` is complete; nothing else uses the instance.
        let instance = unsafe { entry.create_instance(&info, None) }.map_err(say("vkCreateInstance"))?;
        // SAFETY: the instance lives until the end of the driver.
        let physical = unsafe { instance.enumerate_physical_devices() }.map_err(say("devices"))?;
        let &physical = physical.first().ok_or("the driver has no device")?;

        // SAFETY: as above, for all queries below.
        let found = unsafe { instance.enumerate_device_extension_properties(physical) };
        let found = found.map_err(say("extensions"))?;
        let has = |name: &CStr| found.iter().any(|found| found.extension_name_as_c_str() == Ok(name));
        let wanted = khr::pipeline_executable_properties::NAME;
        if !has(wanted) {
            return Err(format!("the driver lacks {}", wanted.to_string_lossy()));
        }
        let mut names = vec![wanted.as_ptr()];
        names.extend(EXTENSIONS.iter().filter(|name| has(name)).map(|name| name.as_ptr()));

        let mut driver = vk::PhysicalDeviceDriverProperties::default();
        let mut subgroup = vk::PhysicalDeviceSubgroupSizeControlProperties::default();
        let mut properties =
            vk::PhysicalDeviceProperties2::default().push_next(&mut driver).push_next(&mut subgroup);
        // SAFETY: all structs of the chain are of Vulkan 1.3, which the instance asks for.
        unsafe { instance.get_physical_device_properties2(physical, &mut properties) };
        let (api_version, device_name) =
            (properties.properties.api_version, properties.properties.device_name);

        let mut robustness = vk::PhysicalDeviceRobustness2FeaturesEXT::default();
        let mut cooperative = vk::PhysicalDeviceCooperativeMatrixFeaturesKHR::default();
        let mut executables = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default();
        let mut of_11 = vk::PhysicalDeviceVulkan11Features::default();
        let mut of_12 = vk::PhysicalDeviceVulkan12Features::default();
        let mut of_13 = vk::PhysicalDeviceVulkan13Features::default();
        let mut features = vk::PhysicalDeviceFeatures2::default()
            .push_next(&mut of_11)
            .push_next(&mut of_12)
            .push_next(&mut of_13)
            .push_next(&mut executables);
        if has(ext::robustness2::NAME) {
            features = features.push_next(&mut robustness);
        }
        if has(khr::cooperative_matrix::NAME) {
            features = features.push_next(&mut cooperative);
        }
        // SAFETY: as above. The extensions of the other structs are present.
        unsafe { instance.get_physical_device_features2(physical, &mut features) };
        let robust = features.features.robust_buffer_access;
        features.features = vk::PhysicalDeviceFeatures::default().robust_buffer_access(robust == vk::TRUE);

        let queues = [vk::DeviceQueueCreateInfo::default().queue_family_index(0).queue_priorities(&[1.0])];
        let info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&names)
            .push_next(&mut features);
        // SAFETY: the device has just reported the enabled features.
        let device =
            unsafe { instance.create_device(physical, &info, None) }.map_err(say("vkCreateDevice"))?;

        let lanes = (subgroup.min_subgroup_size, subgroup.max_subgroup_size);
        let matrix_size =
            if cooperative.cooperative_matrix == vk::TRUE && of_12.vulkan_memory_model == vk::TRUE {
                let matrices = khr::cooperative_matrix::Instance::new(&entry, &instance);
                // SAFETY: the extension is present.
                let found = unsafe { matrices.get_physical_device_cooperative_matrix_properties(physical) };
                matrix_size(&found.map_err(say("matrices"))?, lanes.1)
            } else {
                0
            };
        let version = |text: &[c_char]| text_of(text).to_owned();
        Ok(Self {
            features: Features {
                spirv_version: if api_version >= vk::API_VERSION_1_3 { (1, 6) } else { (1, 5) },
                subgroups: true,
                robust_buffers: robustness.robust_buffer_access2 == vk::TRUE,
                zero_initializes: of_13.shader_zero_initialize_workgroup_memory == vk::TRUE,
                dot_products: of_13.shader_integer_dot_product == vk::TRUE,
                int8: of_12.shader_int8 == vk::TRUE,
                matrix_size,
            },
            hardware: Hardware { min_subgroup_size: lanes.0, max_subgroup_size: lanes.1, matrix_size },
            name: version(&device_name),
            version: format!("{} {}", version(&driver.driver_name), version(&driver.driver_info)),
            executables: khr::pipeline_executable_properties::Device::new(&instance, &device),
            device,
            instance,
            entry,
        })
    }

    /// Makes a pipeline as wgpu-hal does, and returns the driver's reports on it.
    pub fn compile(&self, kernel: &Kernel, spirv: &[u32]) -> Result<Vec<Report>, String> {
        let layouts = Layouts::new(self, kernel).map_err(|error| format!("layout: {error}"))?;
        let name = CString::new(kernel.name).unwrap();
        let info = vk::ShaderModuleCreateInfo::default().code(spirv);
        // SAFETY: naga has validated the module.
        let module = unsafe { self.device.create_shader_module(&info, None) }
            .map_err(|error| format!("module: {error}"))?;
        let stage = vk::PipelineShaderStageCreateInfo::default()
            .flags(vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE)
            .stage(vk::ShaderStageFlags::COMPUTE)
            .module(module)
            .name(&name);
        let info = vk::ComputePipelineCreateInfo::default()
            .flags(
                vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                    | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR,
            )
            .stage(stage)
            .layout(layouts.pipeline);
        // SAFETY: module and layout live until the end of this function.
        let made = unsafe { self.device.create_compute_pipelines(vk::PipelineCache::null(), &[info], None) };
        // SAFETY: a pipeline outlives its module.
        unsafe { self.device.destroy_shader_module(module, None) };
        let pipeline = made.map_err(|(_, error)| format!("the driver refuses it: {error}"))?[0];
        let reports = self.reports(pipeline).map_err(|error| format!("statistics: {error}"));
        // SAFETY: nothing uses the pipeline any more.
        unsafe { self.device.destroy_pipeline(pipeline, None) };
        reports
    }

    fn reports(&self, pipeline: vk::Pipeline) -> Result<Vec<Report>, vk::Result> {
        let of = vk::PipelineInfoKHR::default().pipeline(pipeline);
        // SAFETY: the pipeline was made with the flags for these queries.
        let programs = unsafe { self.executables.get_pipeline_executable_properties(&of) }?;
        let indices = 0..programs.len() as u32;
        programs.iter().zip(indices).map(|(program, index)| self.report(pipeline, program, index)).collect()
    }

    fn report(
        &self,
        pipeline: vk::Pipeline,
        program: &vk::PipelineExecutablePropertiesKHR<'_>,
        index: u32,
    ) -> Result<Report, vk::Result> {
        let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline).executable_index(index);
        // SAFETY: as above. The driver has a program of this index.
        let found = unsafe { self.executables.get_pipeline_executable_statistics(&info) }?;
        let statistics = found.iter().map(|found| (text_of(&found.name).to_owned(), number(found))).collect();
        Ok(Report { statistics, subgroup_size: program.subgroup_size, assembly: self.assembly(&info)? })
    }

    fn assembly(&self, info: &vk::PipelineExecutableInfoKHR<'_>) -> Result<String, vk::Result> {
        let function = self.executables.fp().get_pipeline_executable_internal_representations_khr;
        // SAFETY: as above. The first call returns sizes.
        let mut found = unsafe { self.executables.get_pipeline_executable_internal_representations(info) }?;
        let mut texts: Vec<Vec<u8>> = found.iter().map(|found| vec![0; found.data_size]).collect();
        for (found, text) in found.iter_mut().zip(&mut texts) {
            found.p_data = text.as_mut_ptr().cast();
        }
        let mut count = found.len() as u32;
        // SAFETY: each text has room for its size, and `texts` outlives the call.
        unsafe { function(self.device.handle(), info, &mut count, found.as_mut_ptr()) }.result()?;
        let assembly = found.iter().zip(&texts).find(|(found, _)| text_of(&found.name).contains("Assembly"));
        let text = assembly.map_or(&[][..], |(_, text)| text);
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        Ok(String::from_utf8_lossy(&text[..end]).into_owned())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: all pipelines are destroyed, and `entry` still holds the loader.
        unsafe {
            self.device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
        let _ = &self.entry;
    }
}

/// The layout of a kernel's bindings, as in `src/gpu/pipelines.rs`.
struct Layouts<'a> {
    device: &'a ash::Device,
    bindings: vk::DescriptorSetLayout,
    pipeline: vk::PipelineLayout,
}

impl<'a> Layouts<'a> {
    fn new(driver: &'a Driver, kernel: &Kernel) -> Result<Self, vk::Result> {
        let device = &driver.device;
        let uniform = [vk::DescriptorType::UNIFORM_BUFFER; 2].into_iter();
        let storage = kernel.buffers.iter().map(|_: &Access| vk::DescriptorType::STORAGE_BUFFER);
        let bindings: Vec<_> = uniform
            .chain(storage)
            .enumerate()
            .map(|(index, kind)| {
                vk::DescriptorSetLayoutBinding::default()
                    .binding(index as u32)
                    .descriptor_type(kind)
                    .descriptor_count(1)
                    .stage_flags(vk::ShaderStageFlags::COMPUTE)
            })
            .collect();
        let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        // SAFETY: `Self` borrows the device, and destroys both layouts.
        let bindings = unsafe { device.create_descriptor_set_layout(&info, None) }?;
        let sets = [bindings];
        let info = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
        // SAFETY: as above.
        let pipeline = unsafe { device.create_pipeline_layout(&info, None) }?;
        Ok(Self { device, bindings, pipeline })
    }
}

impl Drop for Layouts<'_> {
    fn drop(&mut self) {
        // SAFETY: the pipeline with these layouts is destroyed.
        unsafe {
            self.device.destroy_pipeline_layout(self.pipeline, None);
            self.device.destroy_descriptor_set_layout(self.bindings, None);
        }
    }
}

/// The size of matrices that `src/gpu/matrix.rs` chooses.
fn matrix_size(found: &[vk::CooperativeMatrixPropertiesKHR<'_>], lanes: u32) -> u32 {
    let is_wanted = |found: &&vk::CooperativeMatrixPropertiesKHR<'_>, size: u32| {
        [found.m_size, found.n_size, found.k_size] == [size; 3]
            && [found.a_type, found.b_type] == [vk::ComponentTypeKHR::FLOAT16; 2]
            && [found.c_type, found.result_type] == [vk::ComponentTypeKHR::FLOAT32; 2]
            && found.scope == vk::ScopeKHR::SUBGROUP
    };
    let fits = |size: &u32| lanes.is_multiple_of(*size) && found.iter().any(|found| is_wanted(&found, *size));
    if 4 * lanes > 256 { 0 } else { [16, 8].into_iter().find(fits).unwrap_or(0) }
}

fn text_of(text: &[c_char]) -> &str {
    // SAFETY: the driver ends its texts with a zero within the array.
    unsafe { CStr::from_ptr(text.as_ptr()) }.to_str().unwrap_or("?")
}

fn number(found: &vk::PipelineExecutableStatisticKHR<'_>) -> f64 {
    use vk::PipelineExecutableStatisticFormatKHR as Format;
    // SAFETY: the format names the field that the driver has written.
    unsafe {
        match found.format {
            Format::BOOL32 => f64::from(found.value.b32),
            Format::INT64 => found.value.i64 as f64,
            Format::FLOAT64 => found.value.f64,
            _ => found.value.u64 as f64,
        }
    }
}
