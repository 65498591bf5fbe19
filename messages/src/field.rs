//! What a message looks like and what its values must look like: one table per message, made from the contract.
//!
//! Checks ([`crate::check`]), query strings, OpenAPI and samples all read the same table, so none can drift from another.

/// The shape of a message.
pub trait Described {
    /// The full name in protobuf, like `shop.product.v1.Product`.
    const NAME: &'static str;
    /// The fields, in the order of the contract.
    const FIELDS: &'static [Field];
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name, in protobuf and in JSON.
    pub name: &'static str,
    /// The number on the wire.
    pub tag: u32,
    /// The comment in the contract.
    pub doc: &'static str,
    /// What a value is; of a list or a map, what an item is.
    pub kind: FieldKind,
    /// It is a list.
    pub repeated: bool,
    /// It is a map from texts.
    pub map: bool,
    /// Its absence differs from every value.
    pub optional: bool,
    /// The choice that it is an alternative of.
    pub oneof: Option<&'static str>,
    /// The fields of the message that it is.
    pub message: Option<fn() -> &'static [Field]>,
    /// Absent, empty and unspecified values are refused.
    pub required: bool,
    /// The smallest number; of money, the smallest amount.
    pub min: Option<i64>,
    /// The largest number; of money, the largest amount.
    pub max: Option<i64>,
    /// The fewest characters.
    pub min_length: Option<u32>,
    /// The most characters.
    pub max_length: Option<u32>,
    /// The fewest items or entries.
    pub min_items: Option<u32>,
    /// The most items or entries.
    pub max_items: Option<u32>,
    /// The prefix of the id that the text is.
    pub id: Option<&'static str>,
    /// The shape of the text.
    pub format: Option<Format>,
    /// The only values.
    pub one_of: &'static [&'static str],
    /// The field of the items that differs in each of them; `.` for the items themselves.
    pub unique_by: Option<&'static str>,
    /// About a person.
    pub personal: bool,
    /// The shop's to set.
    pub output_only: bool,
    /// What absence stands for, in JSON.
    pub default: Option<&'static str>,
    /// A value, in JSON; for a text just the text.
    pub example: Option<&'static str>,
}

impl Field {
    /// A text without any rule: what the generated tables start from.
    pub(crate) const BLANK: Field = Field {
        name: "",
        tag: 0,
        doc: "",
        kind: FieldKind::Text,
        repeated: false,
        map: false,
        optional: false,
        oneof: None,
        message: None,
        required: false,
        min: None,
        max: None,
        min_length: None,
        max_length: None,
        min_items: None,
        max_items: None,
        id: None,
        format: None,
        one_of: &[],
        unique_by: None,
        personal: false,
        output_only: false,
        default: None,
        example: None,
    };
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits, in JSON of 53.
    Int64,
    /// A whole number of 32 bits, not below zero.
    Uint32,
    /// A whole number of 64 bits, in JSON of 53, not below zero.
    Uint64,
    /// Bytes, in JSON base64.
    Bytes,
    /// A moment, in JSON RFC 3339 in UTC.
    Time,
    /// Any JSON.
    Json,
    /// One of these names.
    Enum(&'static [(&'static str, i32)]),
    /// A message; see [`Field::message`].
    Message,
}

/// The shape of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line for people: no control characters, no blank at either end.
    Line,
    /// A stock keeping unit: `[A-Za-z0-9._-]{1,64}`.
    Sku,
    /// A word of an address: `[a-z0-9]+(-[a-z0-9]+)*`.
    Slug,
    /// A currency of ISO 4217, like `EUR`.
    Currency,
    /// A country of ISO 3166-1 by its two capitals, like `AT`.
    Country,
    /// A language, with a region or without, like `de-AT`.
    Locale,
    /// An absolute http or https address.
    Url,
    /// Text that is itself JSON.
    Json,
}
