//! Activations on a device.

use super::{Buffer, Device, Readback};
use crate::error::Result;
use crate::format::row_stride;

/// A matrix of f32 activations, `[rows, columns]`. Zeros follow each row up to a multiple of 32 elements. No kernel
/// writes these zeros.
#[derive(Debug, Clone)]
pub struct Tensor {
    buffer: Buffer,
    rows: usize,
    columns: usize,
}

impl Tensor {
    /// Makes a tensor of zeros.
    ///
    /// # Errors
    /// If the device has no room for the tensor.
    pub fn zeros(device: &Device, label: &str, rows: usize, columns: usize) -> Result<Self> {
        let buffer = device.zeros(label, rows * row_stride(columns))?;
        Ok(Self { buffer, rows, columns })
    }

    /// Makes a tensor of `values`, `[rows, columns]` without padding.
    ///
    /// # Errors
    /// If the device has no room for the tensor.
    ///
    /// # Panics
    /// If `values` is not `rows * columns` long.
    pub fn from_slice(
        device: &Device,
        label: &str,
        values: &[f32],
        rows: usize,
        columns: usize,
    ) -> Result<Self> {
        assert_eq!(values.len(), rows * columns, "{label}: [{rows}, {columns}] values");
        let stride = row_stride(columns);
        let mut words = vec![0_u32; rows * stride];
        for row in 0..rows {
            for column in 0..columns {
                words[row * stride + column] = values[row * columns + column].to_bits();
            }
        }
        Ok(Self { buffer: device.upload(label, &words)?, rows, columns })
    }

    /// A tensor of `words`, `[rows, stride]`, with padding.
    pub(crate) fn from_words(
        device: &Device,
        label: &str,
        words: &[u32],
        rows: usize,
        columns: usize,
    ) -> Result<Self> {
        assert_eq!(words.len(), rows * row_stride(columns), "{label}: words of [{rows}, {columns}]");
        Ok(Self { buffer: device.upload(label, words)?, rows, columns })
    }

    /// Returns whether both are the same memory.
    pub fn is(&self, other: &Self) -> bool {
        self.buffer.is(&other.buffer)
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns without padding.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the number of elements from one row to the next.
    pub fn stride(&self) -> usize {
        row_stride(self.columns)
    }

    /// Returns the elements, `[rows, columns]` without padding, after all earlier submissions.
    ///
    /// This makes a staging buffer for a single use. A loop keeps a [`Readback`] instead.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// use sukashi::Device;
    /// use sukashi::device::Tensor;
    ///
    /// let x = Tensor::from_slice(&Device::Cpu, "x", &[1.0, 2.0, 3.0], 1, 3)?;
    /// assert_eq!(x.read(&Device::Cpu).await?, [1.0, 2.0, 3.0]);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the device has no room for the staging buffer, or is lost.
    ///
    /// # Panics
    /// If the tensor belongs to another device.
    pub async fn read(&self, device: &Device) -> Result<Vec<f32>> {
        let words = self.rows * self.stride();
        let mut readback = Readback::new(device, words)?;
        let words = readback.submit_and_read(device.record(), &self.buffer, words).await?;
        let rows = words.chunks_exact(self.stride().max(1));
        Ok(rows.flat_map(|row| row[..self.columns].iter().map(|&word| f32::from_bits(word))).collect())
    }

    /// Returns the buffer of the elements.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }
}
