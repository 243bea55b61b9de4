//! The fonts that are installed on the machine.

use std::path::{Path, PathBuf};

use sukashi::figure::Fonts;

/// The search does not go deeper into folders than this.
const MAX_DEPTH: usize = 6;

/// Adds installed fonts in the order of their paths until every character of `text` has a glyph or no font is left.
pub fn add_missing(mut fonts: Fonts, text: &str) -> Fonts {
    let mut missing = fonts.missing(text).len();
    for path in files() {
        if missing == 0 {
            break;
        }
        // Files that are no usable font are skipped.
        let Ok(more) = fonts.clone().with_fallback_file(&path) else { continue };
        let still_missing = more.missing(text).len();
        if still_missing < missing {
            tracing::info!("uses the font {}", sukashi::shown::excerpt(&path.display().to_string()));
            (fonts, missing) = (more, still_missing);
        }
    }
    fonts
}

fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders() {
        collect(&folder, MAX_DEPTH, &mut files);
    }
    files
}

fn folders() -> Vec<PathBuf> {
    let below = |variable: &str, paths: &[&str]| -> Vec<PathBuf> {
        let base = std::env::var_os(variable).map(PathBuf::from);
        base.iter().flat_map(|base| paths.iter().map(|path| base.join(path))).collect()
    };
    if cfg!(windows) {
        [below("SystemRoot", &["Fonts"]), below("LOCALAPPDATA", &["Microsoft/Windows/Fonts"])].concat()
    } else if cfg!(target_os = "macos") {
        let shared = ["/System/Library/Fonts", "/Library/Fonts"].map(PathBuf::from).to_vec();
        [below("HOME", &["Library/Fonts"]), shared].concat()
    } else {
        let shared = ["/usr/local/share/fonts", "/usr/share/fonts"].map(PathBuf::from).to_vec();
        [below("HOME", &[".local/share/fonts", ".fonts"]), shared].concat()
    }
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, files);
        } else if ["ttf", "otf", "ttc", "otc"].contains(&extension.to_ascii_lowercase().as_str()) {
            files.push(path);
        }
    }
}
