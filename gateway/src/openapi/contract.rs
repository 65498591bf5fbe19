//! The contract as descriptors: names, shapes, options and comments.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorError, DescriptorPool, DynamicMessage, FieldDescriptor, FileDescriptor, ReflectMessage as _, Value,
};

/// The descriptors of the contract, with the comments that stand above each of them.
pub(super) struct Contract {
    pool: DescriptorPool,
    comments: HashMap<(String, Vec<i32>), String>,
}

impl Contract {
    /// # Errors
    /// When the embedded descriptors cannot be read: a broken build.
    pub(super) fn read() -> Result<Contract, DescriptorError> {
        let pool = DescriptorPool::decode(messages::DESCRIPTOR_SET)?;
        let comments = pool.files().flat_map(|file| comments(&file)).collect();
        Ok(Contract { pool, comments })
    }

    pub(super) fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The comment above what stands at this path of a file.
    pub(super) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.comments.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }

    /// What the contract says of a field beyond its type.
    pub(super) fn options(&self, field: &FieldDescriptor) -> Options {
        let extension = self.pool.get_extension_by_name("shop.options.v1.field");
        let said = extension.filter(|extension| field.options().has_extension(extension));
        Options(said.and_then(|extension| field.options().get_extension(&extension).as_message().cloned()))
    }
}

fn comments(file: &FileDescriptor) -> Vec<((String, Vec<i32>), String)> {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let locations = info.map_or(&[][..], |info| &info.location);
    let commented = locations.iter().filter(|location| !location.leading_comments().is_empty());
    commented
        .map(|location| ((file.name().to_owned(), location.path.clone()), one_paragraph(location.leading_comments())))
        .collect()
}

/// Comments are wrapped for the editor; readers of the document wrap for themselves.
fn one_paragraph(comment: &str) -> String {
    comment.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The options of a field. What is not said has no value.
pub(super) struct Options(Option<DynamicMessage>);

impl Options {
    fn get(&self, name: &str) -> Option<Value> {
        let said = self.0.as_ref()?;
        let field = said.descriptor().get_field_by_name(name)?;
        said.has_field(&field).then(|| said.get_field(&field).into_owned())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(|value| value.as_bool()).unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_u32().map(i64::from))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(str::to_owned)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let Some(Value::List(texts)) = self.get(name) else { return Vec::new() };
        texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The name of the value of an enum.
    pub(super) fn choice(&self, name: &str) -> Option<String> {
        let number = self.get(name)?.as_enum_number()?;
        let field = self.0.as_ref()?.descriptor().get_field_by_name(name)?;
        Some(field.kind().as_enum()?.get_value(number)?.name().to_owned())
    }
}
