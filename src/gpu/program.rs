//! A program for the GPU. Pipelines and bind groups are made once, and each batch is recorded in one compute pass.

use wgpu::{BindGroupEntry, BindingResource};

use super::clock::Clock;
use super::{Encoder, Gpu};
use crate::dispatch::{Batch, Dispatch, Entry};
use crate::error::Result;

/// The size of uniform bindings is a multiple of this, as the block layouts of GL and DX12 need it.
const UNIFORM_ALIGNMENT: usize = 16;

/// A compiled plan.
#[derive(Debug)]
pub struct Program {
    gpu: Gpu,
    batch: wgpu::Buffer,
    steps: Vec<Step>,
    max_groups: u32,
}

#[derive(Debug)]
enum Step {
    Dispatch {
        pipeline: wgpu::ComputePipeline,
        bind_group: wgpu::BindGroup,
        groups_per_block: u32,
        tokens_per_block: u32,
        min_kv_len: u32,
    },
    Copy {
        from: wgpu::Buffer,
        to: wgpu::Buffer,
    },
}

impl Program {
    /// `buffers` are the buffers that `entries` name by their ids.
    pub(crate) fn new(gpu: &Gpu, entries: &[Entry], buffers: &[&wgpu::Buffer]) -> Result<Self> {
        let dispatches: Vec<&Dispatch> = entries.iter().filter_map(Entry::dispatch).collect();
        let pipelines = gpu.0.pipelines.of(&gpu.0.device, &dispatches);
        gpu.0.fault.check()?;
        let (params, stride) = upload_params(gpu, &dispatches);
        let batch = gpu.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("batch"),
            size: size_of::<Batch>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });

        let mut steps = Vec::with_capacity(entries.len());
        let mut index = 0;
        for entry in entries {
            match entry {
                Entry::Copy { from, to } => {
                    steps.push(Step::Copy { from: buffers[from.0].clone(), to: buffers[to.0].clone() });
                }
                Entry::Dispatch(dispatch) => {
                    let pipeline = pipelines[index].clone();
                    let offset = (index * stride) as u64;
                    let bind_group =
                        bind_group(gpu, &pipeline, (dispatch, buffers), (&params, offset), &batch);
                    index += 1;
                    steps.push(Step::Dispatch {
                        pipeline,
                        bind_group,
                        groups_per_block: dispatch.groups_per_block,
                        tokens_per_block: dispatch.tokens_per_block,
                        min_kv_len: dispatch.min_kv_len,
                    });
                }
            }
        }
        gpu.0.fault.check()?;
        let max_groups = gpu.0.limits.max_compute_workgroups_per_dimension;
        Ok(Self { gpu: gpu.clone(), batch, steps, max_groups })
    }

    /// Records one pass over `tokens`. A program is recorded at most once between two submissions, because its uniform
    /// holds one batch.
    pub(crate) fn record(&self, tokens: Batch, encoder: &mut Encoder) {
        self.gpu.0.queue.write_buffer(&self.batch, 0, bytemuck::bytes_of(&tokens));
        let mut steps = self.steps.iter().peekable();
        while steps.peek().is_some() {
            {
                let mut pass = encoder.0.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                while let Some(step) = steps.next_if(|step| matches!(step, Step::Dispatch { .. })) {
                    self.dispatch(step, tokens, &mut pass);
                }
            }
            while let Some(step) = steps.next_if(|step| matches!(step, Step::Copy { .. })) {
                copy(step, encoder);
            }
        }
    }

    fn dispatch(&self, step: &Step, tokens: Batch, pass: &mut wgpu::ComputePass<'_>) {
        let Step::Dispatch { pipeline, bind_group, groups_per_block, tokens_per_block, min_kv_len } = step
        else {
            return;
        };
        if tokens.position + tokens.num_tokens < *min_kv_len {
            return;
        }
        let groups = groups_per_block * tokens.num_tokens.div_ceil(*tokens_per_block);
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, bind_group, &[]);
        // Kernels join x and y to one number, and skip workgroups past the end.
        let rows = groups.div_ceil(self.max_groups).max(1);
        pass.dispatch_workgroups(groups.div_ceil(rows), rows, 1);
    }

    /// Computes `tokens` dispatch by dispatch, and returns the seconds of each.
    pub(crate) async fn profile(&self, tokens: Batch) -> Result<Vec<f64>> {
        self.gpu.0.queue.write_buffer(&self.batch, 0, bytemuck::bytes_of(&tokens));
        let mut clock = Clock::new(&self.gpu)?;
        let mut seconds = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let mut encoder = self.gpu.encoder();
            match step {
                Step::Copy { .. } => {
                    copy(step, &mut encoder);
                    self.gpu.submit(encoder)?;
                }
                Step::Dispatch { .. } => {
                    let time = clock.time(encoder, |pass| self.dispatch(step, tokens, pass)).await?;
                    seconds.push(time);
                }
            }
        }
        Ok(seconds)
    }
}

fn copy(step: &Step, encoder: &mut Encoder) {
    let Step::Copy { from, to } = step else { return };
    encoder.0.copy_buffer_to_buffer(from, 0, to, 0, from.size());
}

impl Encoder {
    /// Records a copy of `words` words from `from` into another buffer.
    pub(crate) fn copy_words(
        &mut self,
        from: &wgpu::Buffer,
        from_word: usize,
        to: &wgpu::Buffer,
        to_word: usize,
        words: usize,
    ) {
        let bytes = |words: usize| 4 * words as u64;
        self.0.copy_buffer_to_buffer(from, bytes(from_word), to, bytes(to_word), bytes(words));
    }
}

/// The `params` of all dispatches in one buffer, and the distance from one to the next.
fn upload_params(gpu: &Gpu, dispatches: &[&Dispatch]) -> (wgpu::Buffer, usize) {
    let largest = dispatches.iter().map(|dispatch| dispatch.params.len()).max().unwrap_or(0);
    let alignment = (gpu.0.limits.min_uniform_buffer_offset_alignment as usize).max(UNIFORM_ALIGNMENT);
    let stride = largest.max(1).next_multiple_of(alignment);
    let mut bytes = vec![0_u8; stride * dispatches.len().max(1)];
    for (index, dispatch) in dispatches.iter().enumerate() {
        bytes[index * stride..][..dispatch.params.len()].copy_from_slice(&dispatch.params);
    }
    let buffer = gpu.0.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("params"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.0.queue.write_buffer(&buffer, 0, &bytes);
    (buffer, stride)
}

fn bind_group(
    gpu: &Gpu,
    pipeline: &wgpu::ComputePipeline,
    (dispatch, buffers): (&Dispatch, &[&wgpu::Buffer]),
    (params, offset): (&wgpu::Buffer, u64),
    batch: &wgpu::Buffer,
) -> wgpu::BindGroup {
    let params_bytes = dispatch.params.len().next_multiple_of(UNIFORM_ALIGNMENT) as u64;
    let params = wgpu::BufferBinding { buffer: params, offset, size: wgpu::BufferSize::new(params_bytes) };
    let mut entries = vec![
        BindGroupEntry { binding: 0, resource: BindingResource::Buffer(params) },
        BindGroupEntry { binding: 1, resource: batch.as_entire_binding() },
    ];
    for (index, id) in dispatch.buffers.iter().enumerate() {
        let resource = buffers[id.0].as_entire_binding();
        entries.push(BindGroupEntry { binding: index as u32 + 2, resource });
    }
    gpu.0.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(dispatch.kernel.name),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}
