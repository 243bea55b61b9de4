//! Requirements of a kernel that not every device meets.

use std::fmt;

/// Requirements of a shader that not every adapter meets. For each such shader, there is another one with the same twin
/// that every adapter can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requires {
    /// The fewest lanes that a subgroup must have. It is 0 for a shader without subgroups.
    pub min_subgroup_size: u32,
    /// The number of rows, and of columns, of cooperative matrices of f16 with sums in f32. It is 0 for a shader
    /// without such matrices.
    pub matrix_size: u32,
}

impl Requires {
    /// Every adapter meets these requirements.
    pub const NOTHING: Self = Self { min_subgroup_size: 0, matrix_size: 0 };

    /// Requires subgroups of at least so many lanes.
    pub const fn subgroups(min_subgroup_size: u32) -> Self {
        Self { min_subgroup_size, ..Self::NOTHING }
    }
}

impl fmt::Display for Requires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { min_subgroup_size: 0, matrix_size: 0 } => f.write_str("nothing"),
            Self { min_subgroup_size, matrix_size: 0 } => {
                write!(f, "subgroups of at least {min_subgroup_size} lanes")
            }
            Self { .. } => f.write_str("cooperative matrices of 8 or 16 rows, of f16 with sums in f32"),
        }
    }
}
