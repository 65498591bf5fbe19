//! The groups this binary holds: the one list that a new group is added to.

use runtime::group::Group;

/// A group's name and how it is built.
pub(crate) type Entry = (&'static str, fn() -> Group);

/// Every group, in the order in which they start.
pub(crate) const ALL: &[Entry] =
    &[("product", product::group), ("inventory", inventory::group), ("pricing", pricing::group)];

/// The groups of these names.
pub(crate) fn named(names: &[String]) -> anyhow::Result<Vec<Entry>> {
    let find = |name: &String| {
        let known = || ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let found = ALL.iter().find(|(known, _)| known == name).copied();
        found.ok_or_else(|| anyhow::anyhow!("there is no group {name:?}; there are {}, and gateway", known()))
    };
    names.iter().map(find).collect()
}
