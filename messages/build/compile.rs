//! Files to descriptors, and descriptors to prost's types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;

/// The package of the options: read by the build, of no use afterwards.
pub(crate) const OPTIONS: &str = "shop.options.v1";

/// What the compiler knows.
pub(crate) struct Compiled {
    pub(crate) pool: DescriptorPool,
    set: FileDescriptorSet,
    /// The set as bytes, with the options, which the typed one cannot hold.
    encoded: Vec<u8>,
    /// Leading comments by file and path, as `SourceCodeInfo` has them.
    comments: BTreeMap<(String, Vec<i32>), String>,
}

/// Compiles all files below a folder.
pub(crate) fn compile(root: &Path) -> anyhow::Result<Compiled> {
    let mut files = Vec::new();
    find(root, &mut files)?;
    files.sort();
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let set = compiler.file_descriptor_set();
    let mut comments = BTreeMap::new();
    for file in &set.file {
        for location in file.source_code_info.iter().flat_map(|info| &info.location) {
            let lines = location.leading_comments().lines().map(str::trim);
            let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
            comments.insert((file.name().to_owned(), location.path.clone()), text);
        }
    }
    Ok(Compiled { pool: compiler.descriptor_pool(), set, encoded: compiler.encode_file_descriptor_set(), comments })
}

impl Compiled {
    /// The comment above the thing at this path of a file, its lines joined.
    pub(crate) fn comment(&self, file: &str, path: &[i32]) -> String {
        self.comments.get(&(file.to_owned(), path.to_vec())).cloned().unwrap_or_default()
    }

    /// Leaves prost's types and the descriptor set in a folder.
    pub(crate) fn write(mut self, out: &Path) -> anyhow::Result<()> {
        std::fs::write(out.join("descriptors.bin"), &self.encoded).context("cannot write the descriptor set")?;
        // prost has the types of `google.protobuf` already, and wants to see their descriptors all the same.
        self.set.file.retain(|file| file.package() != OPTIONS);
        // Ordered maps: an event must have the same bytes wherever it is encoded.
        let mut prost = prost_build::Config::new();
        prost.out_dir(out).btree_map(["."]).compile_fds(self.set).context("cannot make Rust of the contract")
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
