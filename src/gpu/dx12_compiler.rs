//! The compiler of shaders for DirectX 12.
//!
//! wgpu loads DXC where Windows finds its library, and takes FXC otherwise, which every Windows has.

use std::path::{Path, PathBuf};

/// The library that is DXC.
const LIBRARY: &str = "dxcompiler.dll";

/// Returns the name of the compiler that wgpu takes, `DXC` or `FXC`.
pub(super) fn dx12_compiler() -> &'static str {
    let program = std::env::current_exe().ok();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let folder = program.as_deref().and_then(Path::parent).map(PathBuf::from);
    name(folder.into_iter().chain(std::env::split_paths(&paths)))
}

fn name(mut folders: impl Iterator<Item = PathBuf>) -> &'static str {
    if folders.any(|folder| folder.join(LIBRARY).is_file()) { "DXC" } else { "FXC" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dxc_is_found_in_any_folder() {
        let [without, with] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let folders = || [without.path(), with.path()].into_iter().map(PathBuf::from);
        assert_eq!(name(folders()), "FXC");
        std::fs::create_dir(without.path().join(LIBRARY)).unwrap();
        assert_eq!(name(folders()), "FXC");
        std::fs::write(with.path().join(LIBRARY), "").unwrap();
        assert_eq!(name(folders()), "DXC");
    }
}
