//! Forms: `metadata[order]=7&expand[]=charge`, as Stripe's client libraries write them.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::fault::Fault;

/// The parameters of a request, by the names in their brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    params: Vec<(Vec<String>, String)>,
}

fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The names in `a[b][c]`.
fn names(name: &str) -> Option<Vec<String>> {
    let (first, mut rest) = match name.find('[') {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    if first.is_empty() {
        return None;
    }
    let mut names = vec![first.to_owned()];
    while !rest.is_empty() {
        let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
        names.push(inner.to_owned());
        rest = after;
    }
    Some(names)
}

impl Form {
    /// Reads a body or a query.
    ///
    /// # Errors
    /// When it is no form.
    pub fn parse(text: &str) -> Result<Form, Fault> {
        let mut params = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let read = decoded(name).and_then(|name| names(&name)).zip(decoded(value));
            params.push(read.ok_or_else(|| Fault::param(name, "parameter_invalid", "This is no form."))?);
        }
        Ok(Form { params })
    }

    /// The parameter of this name; an empty one is as good as none.
    #[must_use]
    pub fn get(&self, path: &[&str]) -> Option<&str> {
        let found =
            self.params.iter().rev().find(|(names, _)| names.iter().map(String::as_str).eq(path.iter().copied()));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The same, for keeping.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(&[name]).map(str::to_owned)
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        let wrong = |_| Fault::param(name, "parameter_invalid_integer", format!("Invalid integer: {name}"));
        self.get(&[name]).map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.get(&[name]) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Fault::param(name, "parameter_invalid_boolean", format!("Invalid boolean: {name}"))),
        }
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(&self, name: &str) -> Result<&str, Fault> {
        let missing = || Fault::param(name, "parameter_missing", format!("Missing required param: {name}."));
        self.get(&[name]).ok_or_else(missing)
    }

    /// What is in `name[…]`.
    #[must_use]
    pub fn map(&self, name: &str) -> BTreeMap<String, String> {
        let inner = self.params.iter().filter_map(|(names, value)| match names.as_slice() {
            [first, inner] if first == name && !inner.is_empty() => Some((inner.clone(), value.clone())),
            _ => None,
        });
        inner.filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Refuses what nobody knows here, as Stripe does: a misspelt name must not be passed over.
    ///
    /// # Errors
    /// When there is such a parameter.
    pub fn only(&self, known: &[&str]) -> Result<(), Fault> {
        match self.params.iter().find(|(names, _)| !known.contains(&names[0].as_str())) {
            None => Ok(()),
            Some((names, _)) => {
                let message = format!("Received unknown parameter: {}", names[0]);
                Err(Fault::param(&names[0], "parameter_unknown", message))
            }
        }
    }

    /// The same for the same parameters, in whatever order.
    #[must_use]
    pub fn print(&self, method: &str, path: &str) -> String {
        let mut params: Vec<_> = self.params.iter().collect();
        params.sort();
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{method} {path} {params:?}").as_bytes());
        hasher.finalize().to_hex()[..24].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_read_as_client_libraries_write_them() {
        let form =
            Form::parse("amount=1999&metadata%5Border%5D=ord_1&metadata[note]=a+b%26c&expand[0]=x&expand[]=y&empty=")
                .expect("a form");
        assert_eq!(form.number("amount"), Ok(Some(1999)));
        let metadata = form.map("metadata");
        assert_eq!(metadata.get("order").map(String::as_str), Some("ord_1"));
        assert_eq!(metadata.get("note").map(String::as_str), Some("a b&c"));
        assert_eq!((form.get(&["empty"]), form.get(&["expand", "0"])), (None, Some("x")));
        assert_eq!(form.only(&["amount", "metadata", "expand", "empty"]), Ok(()));
        assert!(form.only(&["amount"]).is_err());
    }

    #[test]
    fn what_is_no_form_or_no_number_says_so() {
        for bad in ["=1", "a[b=1", "a[b]c=1", "a=%ff"] {
            assert!(Form::parse(bad).is_err(), "{bad}");
        }
        let form = Form::parse("amount=1.5&confirm=yes").expect("a form");
        assert!(form.number("amount").is_err() && form.flag("confirm").is_err() && form.required("currency").is_err());
    }

    #[test]
    fn the_order_of_parameters_does_not_matter() {
        let print = |text| Form::parse(text).expect("a form").print("POST", "/v1/refunds");
        assert_eq!(print("a=1&b=2"), print("b=2&a=1"));
        assert_ne!(print("a=1&b=2"), print("a=1&b=3"));
    }
}
