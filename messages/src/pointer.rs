//! Where in a JSON document: a pointer of RFC 6901.
//!
//! A pointer is a chain of borrowed steps on the stack, so a reader may carry one along for every value and pay for its
//! text only where something is wrong.

use std::fmt;

/// A place in a JSON document. `Display` gives `/lines/0/sku`; the root is the empty text.
#[derive(Clone, Copy, Debug)]
pub enum Pointer<'a> {
    /// The whole document.
    Root,
    /// A member of the object there.
    Key(&'a Pointer<'a>, &'a str),
    /// An item of the array there.
    Index(&'a Pointer<'a>, usize),
}

impl<'a> Pointer<'a> {
    /// The member of this name.
    pub const fn key(&'a self, name: &'a str) -> Pointer<'a> {
        Pointer::Key(self, name)
    }

    /// The item at this index.
    pub const fn index(&'a self, index: usize) -> Pointer<'a> {
        Pointer::Index(self, index)
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pointer::Root => Ok(()),
            Pointer::Index(parent, index) => write!(f, "{parent}/{index}"),
            Pointer::Key(parent, name) => {
                write!(f, "{parent}/")?;
                for c in name.chars() {
                    match c {
                        '~' => f.write_str("~0")?,
                        '/' => f.write_str("~1")?,
                        c => write!(f, "{c}")?,
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_printed_with_its_escapes() {
        let lines = Pointer::Root.key("lines");
        let third = lines.index(3);
        assert_eq!(Pointer::Root.to_string(), "");
        assert_eq!(third.key("a/b~c").to_string(), "/lines/3/a~1b~0c");
    }
}
