//! How attention shares out its work.

use super::attention_subgroups;
use crate::device::Device;
use crate::dispatch::Constants;
use crate::kernels::AttentionShape;

/// How threads share the rows and positions of `attention`; see the shaders' headers. It changes speed, never meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttentionTile {
    /// Query heads of a key-value head, of one token or several, that share what is read of the caches: 1, 2, 4 or 8.
    pub rows: u32,
    /// Positions that a decoded token's workgroup goes over at most, 1 or more; `None` for all.
    pub split_len: Option<u32>,
    /// Whether a tile has a subgroup: the shader `attention_subgroups`.
    pub subgroups: bool,
}

impl AttentionTile {
    /// The most rows.
    const MAX_ROWS: usize = 8;
    /// The most channels of all rows, so that these fit into any adapter's workgroup memory.
    const MAX_CHANNELS: usize = 2048;
    /// Few positions keep many cores busy.
    const GPU_SPLIT_LEN: u32 = 128;
    /// A dispatch more costs as much as some hundred positions.
    const SOFTWARE_SPLIT_LEN: u32 = 256;

    /// What suits `device` for passes of up to `tokens_of_text` tokens of a text.
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

    /// Elements that a token alone in its text keeps of its splits, where `max_seq_len` positions fit into the caches.
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

    /// The most splits that a token's positions lie in; 1 where nothing is split.
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

    /// Values of the shaders' constants.
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
