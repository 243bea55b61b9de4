//! The ways in which attention shares its work among threads.

use super::attention_subgroups;
use crate::device::Device;
use crate::dispatch::Constants;
use crate::kernels::AttentionShape;

/// The way in which threads share the rows and positions of `attention`. The shaders' headers explain it. It changes
/// speed, but never the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttentionTile {
    /// The number of query heads of one key-value head that share each read of the KV cache, of one token or several:
    /// 1, 2, 4 or 8.
    pub rows: u32,
    /// The most positions of a decoded token's workgroup, 1 or more; `None` for all.
    pub split_len: Option<u32>,
    /// Whether a tile has a subgroup. This is the shader `attention_subgroups`.
    pub subgroups: bool,
}

impl AttentionTile {
    /// The most rows.
    const MAX_ROWS: usize = 8;
    /// The most channels of all rows, so that they fit into any adapter's workgroup memory.
    const MAX_CHANNELS: usize = 2048;
    /// Splits of few positions keep many cores busy.
    const GPU_SPLIT_LEN: u32 = 128;
    /// A further dispatch costs as much as some hundred positions.
    const SOFTWARE_SPLIT_LEN: u32 = 256;

    /// The default for the kind of `device`, for passes of up to `tokens_of_text` tokens of a sequence.
    pub fn of(device: &Device, shape: &AttentionShape, tokens_of_text: usize) -> Self {
        let wanted = tokens_of_text.saturating_mul(shape.num_heads / shape.num_kv_heads);
        let mut rows = wanted.next_power_of_two().min(Self::MAX_ROWS);
        while rows > 1 && rows * shape.head_dim > Self::MAX_CHANNELS {
            rows /= 2;
        }
        let subgroups = match device {
            Device::Gpu(gpu) => gpu.is_software() && device.runs(&attention_subgroups::KERNEL),
            _ => false,
        };
        Self { rows: rows as u32, split_len: Self::split_len(device), subgroups }
    }

    /// The elements of a token's partial results if it is alone in its sequence, for a KV cache with `max_seq_len`
    /// positions.
    pub fn partials(device: &Device, num_heads: usize, head_dim: usize, max_seq_len: usize) -> usize {
        match Self::split_len(device) {
            Some(split_len) if max_seq_len > split_len as usize => {
                num_heads * max_seq_len.div_ceil(split_len as usize) * (head_dim + 2)
            }
            _ => 1,
        }
    }

    fn split_len(device: &Device) -> Option<u32> {
        match device {
            Device::Gpu(gpu) if gpu.is_software() => Some(Self::SOFTWARE_SPLIT_LEN),
            Device::Gpu(_) => Some(Self::GPU_SPLIT_LEN),
            _ => None,
        }
    }

    /// The most splits of a token's positions; 1 if nothing is split.
    pub(crate) fn max_splits(
        self,
        shape: &AttentionShape,
        max_seq_len: usize,
        tokens_of_text: usize,
    ) -> usize {
        let Some(split_len) = self.split_len.map(|len| len as usize) else { return 1 };
        let seen = shape.window.unwrap_or(max_seq_len).min(max_seq_len);
        if tokens_of_text > 1 || seen <= split_len {
            return 1;
        }
        // A window may begin and end within a split.
        (seen.div_ceil(split_len) + 1).min(max_seq_len.div_ceil(split_len))
    }

    /// The values of the shaders' constants.
    pub(super) fn constants(self, shape: &AttentionShape) -> Constants {
        let alignment = [32, 4, 1].into_iter().find(|n| shape.head_dim.is_multiple_of(*n)).unwrap_or(1);
        let mut constants = vec![("ROWS", f64::from(self.rows)), ("ALIGNMENT", alignment as f64)];
        if self.subgroups {
            let values = self.rows as usize * 8 * shape.head_dim.div_ceil(32);
            constants.push(("VALUES", values as f64));
        } else {
            let threads = shape.head_dim.div_ceil(4).next_power_of_two();
            constants.push(("THREADS_PER_POSITION", threads as f64));
            constants.push(("WORKGROUP_SIZE", threads.max(64) as f64));
            constants.push(("QUERIES", (self.rows as usize * threads) as f64));
        }
        constants
    }
}
