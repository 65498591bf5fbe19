//! The options of the contract, read by their names.
//!
//! A name that `options.proto` does not have is a mistake of the build itself, so it panics instead of reading nothing.

use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, Value};

use crate::compile::OPTIONS;

/// One option, or a message in it.
pub(crate) struct Options(DynamicMessage);

impl Options {
    /// The option of this name (`rpc` for `shop.options.v1.rpc`), empty if it is not set.
    pub(crate) fn of(pool: &DescriptorPool, holder: &DynamicMessage, name: &str) -> Options {
        let extension = pool.get_extension_by_name(&format!("{OPTIONS}.{name}"));
        let extension = extension.unwrap_or_else(|| panic!("options.proto has no option `{name}`"));
        match holder.get_extension(&extension).into_owned() {
            Value::Message(message) => Options(message),
            other => panic!("the option `{name}` is not a message but {other:?}"),
        }
    }

    fn value(&self, name: &str) -> Value {
        let value = self.0.get_field_by_name(name);
        value.unwrap_or_else(|| panic!("{} has no `{name}`", self.0.descriptor().full_name())).into_owned()
    }

    /// Whether something was said at all.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.0.has_field_by_name(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.value(name).as_str().unwrap_or_default().to_owned()
    }

    /// A text, if it is not empty.
    pub(crate) fn word(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> u32 {
        self.value(name).as_u32().unwrap_or_default()
    }

    /// A number that knows whether it is there.
    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        self.is_set(name).then(|| self.number(name))
    }

    pub(crate) fn bound(&self, name: &str) -> Option<i64> {
        self.is_set(name).then(|| self.value(name).as_i64().unwrap_or_default())
    }

    /// The name of an enum's value without its prefix: `COMMAND` of `RPC_KIND_COMMAND`.
    pub(crate) fn choice(&self, name: &str, prefix: &str) -> String {
        let field = self.0.descriptor().get_field_by_name(name);
        let kind = field.map(|field| field.kind());
        let choices = kind.as_ref().and_then(|kind| kind.as_enum());
        let number = self.value(name).as_enum_number().unwrap_or_default();
        let value = choices.and_then(|choices| choices.get_value(number));
        let value = value.unwrap_or_else(|| panic!("`{name}` is not an enum that has {number}"));
        value.name().strip_prefix(prefix).unwrap_or(value.name()).to_owned()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let list = self.value(name);
        list.as_list().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub(crate) fn list(&self, name: &str) -> Vec<Options> {
        let list = self.value(name);
        list.as_list().into_iter().flatten().filter_map(Value::as_message).cloned().map(Options).collect()
    }

    pub(crate) fn message(&self, name: &str) -> Option<Options> {
        self.is_set(name).then(|| self.value(name).as_message().cloned().map(Options))?
    }
}
