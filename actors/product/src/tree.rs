//! The tree of categories: which is in which. It is one actor, so of two moves that together would make a circle the
//! second is refused, whichever partitions the categories live in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::category::Place;

/// The one tree.
pub const MAIN: &str = "main";
/// How deep the tree may be: what a menu can show.
pub const DEPTH_MAX: usize = 10;
/// How many categories there may be: the tree is one actor, and all of it is copied when it changes.
pub const CATEGORIES_MAX: usize = 10_000;

/// Where every category is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    places: BTreeMap<String, Place>,
    arrangement: u64,
}

/// What can be asked of the tree.
#[derive(Debug, Clone)]
pub enum Command {
    /// Have this category there.
    Arrange {
        /// The tree.
        tree: String,
        /// The category.
        category: String,
        /// In which category; at the top when in none.
        parent: Option<String>,
        /// It is new; otherwise the tree has to have it.
        is_new: bool,
    },
}

/// What can have happened to the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It has this category there.
    Arranged {
        /// The tree.
        tree: String,
        /// The category.
        category: String,
        /// Where.
        place: Place,
        /// When.
        at: Timestamp,
    },
}

/// Why the tree says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not have the category.
    #[error("there is no such category")]
    NotFound,
    /// It does not have the parent.
    #[error("there is no such category to be in")]
    ParentNotFound,
    /// It would be a circle.
    #[error("a category cannot be in itself, nor in one that is in it")]
    Cycle,
    /// It would be deeper than [`DEPTH_MAX`].
    #[error("the tree of categories would become too deep")]
    TooDeep,
    /// There would be more than [`CATEGORIES_MAX`].
    #[error("there are as many categories as there can be")]
    TooMany,
}

impl Tree {
    /// Where a category is, if the tree has it.
    #[must_use]
    pub fn place(&self, category: &str) -> Option<&Place> {
        self.places.get(category)
    }

    /// The categories that a category is in, the nearest first.
    fn above<'a>(&'a self, category: &'a str) -> impl Iterator<Item = &'a str> {
        let parent = |id: &&str| self.places.get(*id)?.parent.as_deref();
        std::iter::successors(self.places.get(category).and_then(|place| place.parent.as_deref()), parent)
    }

    /// How many levels a category and what is in it take.
    fn height(&self, category: &str) -> usize {
        let below = self.places.keys().filter_map(|id| self.above(id).position(|above| above == category));
        below.map(|distance| distance + 2).max().unwrap_or(1)
    }
}

impl Entity for Tree {
    const KIND: &'static str = "category_tree";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let Command::Arrange { tree, category, parent, is_new } = command;
        let now = self.places.get(&category);
        match now {
            Some(place) if place.parent == parent => return Ok(vec![]),
            None if !is_new => return Err(Refusal::NotFound),
            None if self.places.len() >= CATEGORIES_MAX => return Err(Refusal::TooMany),
            Some(_) | None => {}
        }
        if let Some(parent) = &parent {
            if *parent == category || self.above(parent).any(|above| above == category) {
                return Err(Refusal::Cycle);
            }
            if !self.places.contains_key(parent) {
                return Err(Refusal::ParentNotFound);
            }
            if self.above(parent).count() + 1 + self.height(&category) > DEPTH_MAX {
                return Err(Refusal::TooDeep);
            }
        }
        let place = Place { parent, arrangement: self.arrangement + 1 };
        Ok(vec![Event::Arranged { tree, category, place, at: facts.now }])
    }

    fn evolve(&mut self, event: &Event) {
        let Event::Arranged { category, place, .. } = event;
        self.arrangement = place.arrangement;
        self.places.insert(category.clone(), place.clone());
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn arrange(category: &str, parent: &str, is_new: bool) -> Command {
        let parent = Some(parent.to_owned()).filter(|parent| !parent.is_empty());
        Command::Arrange { tree: MAIN.into(), category: category.into(), parent, is_new }
    }

    fn arranged(links: &[(&str, &str)]) -> Vec<Event> {
        let event = |(index, (category, parent)): (u64, &(&str, &str))| Event::Arranged {
            tree: MAIN.into(),
            category: (*category).into(),
            place: Place { parent: Some((*parent).to_owned()).filter(|p| !p.is_empty()), arrangement: index },
            at: moment(1),
        };
        (1..).zip(links).map(event).collect()
    }

    fn check(given: &[(&str, &str)], when: Command, expected: Expect) {
        let said = match decide::<Tree>(&arranged(given), when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => {
                let Event::Arranged { category, place, .. } = &events[0];
                format!("{category} in {:?} by {}", place.parent, place.arrangement)
            }
        };
        expected.assert_eq(&said);
    }

    const WEAR: [(&str, &str); 3] = [("wear", ""), ("tops", "wear"), ("shirts", "tops")];

    #[test]
    fn a_category_is_put_where_there_is_one() {
        check(&[], arrange("wear", "", true), expect!["wear in None by 1"]);
        check(&WEAR, arrange("wear", "", true), expect!["already so"]);
        check(&WEAR, arrange("socks", "wear", true), expect![[r#"socks in Some("wear") by 4"#]]);
        check(&WEAR, arrange("socks", "wear", false), expect!["refused: there is no such category"]);
        check(&WEAR, arrange("socks", "feet", true), expect!["refused: there is no such category to be in"]);
        check(&WEAR, arrange("shirts", "", false), expect!["shirts in None by 4"]);
    }

    #[test]
    fn no_move_makes_a_circle() {
        for parent in ["wear", "tops", "shirts"] {
            let when = arrange("wear", parent, false);
            assert_eq!(decide::<Tree>(&arranged(&WEAR), when), Err(Refusal::Cycle), "{parent}");
        }
        check(&WEAR, arrange("shirts", "wear", false), expect![[r#"shirts in Some("wear") by 4"#]]);
    }

    #[test]
    fn a_branch_is_not_put_where_it_would_be_too_deep() {
        let names: Vec<String> = (0..DEPTH_MAX).map(|level| format!("level{level}")).collect();
        let mut links: Vec<(&str, &str)> = vec![(&names[0], "")];
        links.extend(names.windows(2).map(|pair| (pair[1].as_str(), pair[0].as_str())));
        check(
            &links,
            arrange("more", &names[DEPTH_MAX - 1], true),
            expect!["refused: the tree of categories would become too deep"],
        );
        links.extend([("tops", ""), ("shirts", "tops")]);
        check(
            &links,
            arrange("tops", &names[DEPTH_MAX - 2], false),
            expect!["refused: the tree of categories would become too deep"],
        );
        check(&links, arrange("tops", &names[DEPTH_MAX - 3], false), expect![[r#"tops in Some("level7") by 13"#]]);
    }
}
