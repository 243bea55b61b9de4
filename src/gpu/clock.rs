//! Times passes by the adapter's timestamps, or by the clock.

use web_time::Instant;

use super::staging::Staging;
use super::{Encoder, Gpu};
use crate::error::Result;

/// The bytes of the two timestamps around a pass.
const TIMESTAMPS_BYTES: u64 = 16;

/// Times passes, one after the other.
pub(super) struct Clock {
    gpu: Gpu,
    /// The timestamps. `None` if the adapter has none.
    timestamps: Option<Timestamps>,
    /// The staging buffer for the result of a pass: its timestamps, or a word that says that the pass is done.
    staging: Staging,
    done: wgpu::Buffer,
}

struct Timestamps {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
}

impl Clock {
    pub(super) fn new(gpu: &Gpu) -> Result<Self> {
        let timestamps = gpu.has_timestamps().then(|| {
            let queries = gpu.0.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("timestamps"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            });
            let resolved = gpu.0.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: TIMESTAMPS_BYTES,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            });
            Timestamps { queries, resolved }
        });
        let staging = gpu.staging(TIMESTAMPS_BYTES as usize / 4)?;
        let done = gpu.create_buffer("done", TIMESTAMPS_BYTES as usize / 4, &[])?;
        Ok(Self { gpu: gpu.clone(), timestamps, staging, done })
    }

    /// Returns the seconds that a pass takes to which `record` adds its work.
    pub(super) async fn time(
        &mut self,
        mut encoder: Encoder,
        record: impl FnOnce(&mut wgpu::ComputePass<'_>),
    ) -> Result<f64> {
        let writes = self.timestamps.as_ref().map(|timestamps| wgpu::ComputePassTimestampWrites {
            query_set: &timestamps.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        });
        let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes: writes };
        record(&mut encoder.0.begin_compute_pass(&descriptor));
        let mut words = [0_u32; TIMESTAMPS_BYTES as usize / 4];
        let source = match &self.timestamps {
            None => &self.done,
            Some(Timestamps { queries, resolved }) => {
                encoder.0.resolve_query_set(queries, 0..2, resolved, 0);
                resolved
            }
        };
        self.staging.copy_from(&self.gpu, &mut encoder, source, words.len());
        let start = Instant::now();
        let submission = self.gpu.submit(encoder)?;
        self.staging.read(&self.gpu, submission, &mut words).await?;
        if self.timestamps.is_none() {
            return Ok(start.elapsed().as_secs_f64());
        }
        let [begin, end]: [u64; 2] = bytemuck::cast(words);
        let period = f64::from(self.gpu.0.queue.get_timestamp_period());
        Ok(end.saturating_sub(begin) as f64 * period * 1e-9)
    }
}
