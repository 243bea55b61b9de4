//! What a kernel needs of a device beyond what all have.

use std::fmt;

/// What a shader needs beyond what every adapter has. All have a twin without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requires {
    /// The fewest lanes that a subgroup must have; 0 for a shader that uses none.
    pub min_subgroup_size: u32,
    /// Rows, and columns, of cooperative matrices of f16 with sums in f32; 0 for a shader that uses none.
    pub matrix_size: u32,
}

impl Requires {
    /// Any adapter will do.
    pub const NOTHING: Self = Self { min_subgroup_size: 0, matrix_size: 0 };

    /// Subgroups of at least so many lanes.
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
