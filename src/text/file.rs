//! Whole files with a size limit.

pub(super) use crate::file::read;
