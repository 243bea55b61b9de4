//! Reads `model.safetensors.index.json`, which says which tensor is in which file.

use std::collections::HashSet;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{excerpt, json};
use crate::{Error, Result, file};

/// The format's limit on a header. An index is smaller than the headers that it summarises.
const MAX_INDEX_BYTES: u64 = 100_000_000;

/// The names of the tensors and of their files, in the index's order.
pub(super) fn read_index(path: &Path) -> Result<Vec<(String, String)>> {
    let label = path.display().to_string();
    let bytes = file::read(path, MAX_INDEX_BYTES)?;
    let Index { weight_map: WeightMap(pairs) } = json::parse(&label, &bytes)?;
    let mut names = HashSet::new();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !names.insert(name.as_str())) {
        return Err(Error::input(format!(
            "cannot read {label}: weight_map lists tensor {} twice",
            excerpt(name)
        )));
    }
    Ok(pairs)
}

/// The path of a file that an index names. The file must be in the index's own folder.
///
/// An index is untrusted, so it must not reach other files of the user.
pub(super) fn locate(folder: &Path, index: &Path, file_name: &str) -> Result<PathBuf> {
    check_name(folder, index, file_name)?;
    let path = folder.join(file_name);
    let resolved = path.canonicalize().map_err(|error| {
        Error::file("open", &path, error)
            .detail(format!("{} lists it", index.display()))
            .hint("a model in shards needs all of its files; is the download complete?")
    })?;
    let real = folder.canonicalize().map_err(|error| Error::file("open", folder, error))?;
    if resolved.starts_with(&real) || blobs_of(&real).is_some_and(|blobs| resolved.starts_with(blobs)) {
        return Ok(path);
    }
    Err(outside(folder, index, &format!("{:?}, a link to {}", excerpt(file_name), resolved.display())))
}

/// Refuses a name that is not a plain file name.
pub(super) fn check_name(folder: &Path, index: &Path, file_name: &str) -> Result<()> {
    let mut components = Path::new(file_name).components();
    let plain = matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none();
    match plain && !file_name.contains(['/', '\\', '\0']) {
        true => Ok(()),
        false => Err(outside(folder, index, &format!("{:?}", excerpt(file_name)))),
    }
}

fn outside(folder: &Path, index: &Path, found: &str) -> Error {
    Error::input(format!("cannot use {}: weight_map names a file outside its folder", index.display()))
        .detail(format!("found {found}, expected the name of a file in {}", folder.display()))
}

/// The folder with a hub cache's real files: `NAME/snapshots/REVISION` links into `NAME/blobs`.
fn blobs_of(folder: &Path) -> Option<PathBuf> {
    let snapshots = folder.parent()?;
    (snapshots.file_name()? == "snapshots").then(|| snapshots.with_file_name("blobs"))
}

#[derive(Deserialize)]
struct Index {
    weight_map: WeightMap,
}

/// A map that keeps duplicates, so that they can be reported.
struct WeightMap(Vec<(String, String)>);

impl<'de> Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairVisitor;
        impl<'de> Visitor<'de> for PairVisitor {
            type Value = WeightMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensor names and file names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WeightMap, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(WeightMap(pairs))
            }
        }
        deserializer.deserialize_map(PairVisitor)
    }
}
