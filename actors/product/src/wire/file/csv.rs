//! CSV: a row for each variant; the first of a product says the rest as well.

use std::collections::{BTreeMap, BTreeSet};

use messages::json::{Json, Object};

use super::Read;
use crate::import::Wrong;
use crate::wire::{FieldError, ProductStatus, code, v1};

/// Columns whose cells are texts of the product.
const TEXTS: [&str; 9] = [
    "product_id",
    "title",
    "description",
    "slug",
    "status",
    "product_type",
    "tax_category",
    "visible_from",
    "visible_until",
];
/// Columns whose cells are several texts with `|` between.
const LISTS: [&str; 3] = ["category_ids", "tags", "channels"];
/// Links with `|` between: what it is, where it is and what it shows, with blanks between.
const MEDIA: &str = "media";
/// Columns of the variant.
const VARIANT: [&str; 5] = ["sku", "variant_title", "price", "currency", "weight_grams"];
/// Columns named `option:size`.
const OPTION: &str = "option";
/// Columns named `number:grams`, by the kind of the attribute.
const KINDS: [&str; 5] = ["text", "number", "boolean", "choice", "date"];

fn is_known(column: &str) -> bool {
    let prefixed = column
        .split_once(':')
        .is_some_and(|(kind, name)| !name.is_empty() && (kind == OPTION || KINDS.contains(&kind)));
    prefixed || TEXTS.contains(&column) || LISTS.contains(&column) || column == MEDIA || VARIANT.contains(&column)
}

fn refused(code: &'static str, detail: String) -> Vec<FieldError> {
    vec![FieldError { pointer: "/content".into(), code, detail }]
}

/// The products of a CSV.
pub(super) fn read(content: &str) -> Result<Vec<Read>, Vec<FieldError>> {
    let content = content.trim_start_matches('\u{feff}');
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(content.as_bytes());
    let unreadable = |e: ::csv::Error| refused(code::BAD_FORMAT, e.to_string());
    let columns: Vec<String> = reader.headers().map_err(unreadable)?.iter().map(|name| name.trim().into()).collect();
    let mut seen = BTreeSet::new();
    for column in &columns {
        if !is_known(column) {
            return Err(refused(code::UNKNOWN_FIELD, format!("there is no column `{column}`")));
        }
        if !seen.insert(column) {
            return Err(refused(code::DUPLICATE_KEY, format!("the column `{column}` is there twice")));
        }
    }
    let mut products: Vec<Product> = Vec::new();
    for (number, record) in (1..).zip(reader.records()) {
        let record = record.map_err(unreadable)?;
        let cells = columns.iter().map(String::as_str).zip(record.iter().map(str::trim));
        let cells: BTreeMap<&str, &str> = cells.filter(|(_, cell)| !cell.is_empty()).collect();
        let goes_on = cells.contains_key("sku") && !cells.contains_key("title") && !cells.contains_key("product_id");
        match products.last_mut().filter(|product| goes_on && !product.variants.is_empty()) {
            Some(product) => product.add(number, &cells),
            None => products.push(Product::new(number, &cells)),
        }
        if let Some(product) = products.last_mut().filter(|_| record.len() > columns.len()) {
            product.wrong(number, "", code::TOO_MANY, "has more cells than there are columns");
        }
    }
    Ok(products.into_iter().map(Product::done).collect())
}

/// A product while its rows are read.
struct Product {
    number: u32,
    json: Object,
    variants: Vec<Json>,
    /// The values of each option, in the order in which they are first named.
    options: Vec<(String, Vec<String>)>,
    attributes: Vec<v1::Attribute>,
    errors: Vec<Wrong>,
}

impl Product {
    fn new(number: u32, cells: &BTreeMap<&str, &str>) -> Product {
        let (variants, options, attributes, errors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut product = Product { number, json: Object::new(), variants, options, attributes, errors };
        let mut said = Vec::new();
        for (column, cell) in cells {
            let parts = || cell.split('|').map(str::trim).filter(|part| !part.is_empty());
            if TEXTS.contains(column) {
                product.json.insert((*column).to_owned(), Json::from(*cell));
            } else if LISTS.contains(column) {
                product.json.insert((*column).to_owned(), Json::Array(parts().map(Json::from).collect()));
            } else if *column == MEDIA {
                product.json.insert(MEDIA.to_owned(), Json::Array(parts().map(media).collect()));
            } else if let Some((kind, name)) = column.split_once(':').filter(|(kind, _)| KINDS.contains(kind)) {
                said.extend(product.attribute(kind, name, cell));
            }
        }
        if !said.is_empty() {
            product.json.insert("attributes".to_owned(), Json::Array(said));
        }
        if cells.contains_key("sku") {
            product.add(number, cells);
        } else if let Some(column) = VARIANT.iter().find(|column| cells.contains_key(**column)) {
            product.wrong(number, "sku", code::REQUIRED, &format!("must be given with `{column}`"));
        }
        product
    }

    fn attribute(&mut self, kind: &str, name: &str, cell: &str) -> Option<Json> {
        use v1::attribute::Value;
        let column = format!("{kind}:{name}");
        let (value, json) = match kind {
            "number" => match cell.parse::<i64>() {
                Ok(number) => (Value::Number(number), Json::from(number)),
                Err(_) => {
                    self.wrong(self.number, &column, code::NOT_AN_INTEGER, "must be a whole number");
                    return None;
                }
            },
            "boolean" => match cell.parse::<bool>() {
                Ok(boolean) => (Value::Boolean(boolean), Json::Bool(boolean)),
                Err(_) => {
                    self.wrong(self.number, &column, code::WRONG_TYPE, "must be true or false");
                    return None;
                }
            },
            "choice" => (Value::Choice(cell.to_owned()), Json::from(cell)),
            "date" => (Value::Date(cell.to_owned()), Json::from(cell)),
            _ => (Value::Text(cell.to_owned()), Json::from(cell)),
        };
        self.attributes.push(v1::Attribute { name: name.to_owned(), value: Some(value) });
        Some(Json::from_iter([("name".to_owned(), Json::from(name)), (kind.to_owned(), json)]))
    }

    /// Adds the variant of a row.
    fn add(&mut self, number: u32, cells: &BTreeMap<&str, &str>) {
        let mut json = Object::new();
        let mut price = Object::new();
        for (column, cell) in cells {
            match *column {
                "sku" => drop(json.insert("sku".to_owned(), Json::from(*cell))),
                "variant_title" => drop(json.insert("title".to_owned(), Json::from(*cell))),
                "currency" => drop(price.insert("currency".to_owned(), Json::from(*cell))),
                "price" | "weight_grams" => match cell.parse::<i64>() {
                    Ok(whole) if *column == "price" => drop(price.insert("amount".to_owned(), Json::from(whole))),
                    Ok(whole) => drop(json.insert("weight_grams".to_owned(), Json::from(whole))),
                    Err(_) => self.wrong(number, column, code::NOT_AN_INTEGER, "must be a whole number"),
                },
                _ => {}
            }
        }
        if !price.is_empty() {
            json.insert("price".to_owned(), Json::Object(price));
        }
        let chosen = cells.iter().filter_map(|(column, cell)| match column.split_once(':') {
            Some((OPTION, name)) => Some((name.to_owned(), (*cell).to_owned())),
            _ => None,
        });
        let chosen: Vec<(String, String)> = chosen.collect();
        for (name, value) in &chosen {
            match self.options.iter_mut().find(|(known, _)| known == name) {
                None => self.options.push((name.clone(), vec![value.clone()])),
                Some((_, values)) if values.contains(value) => {}
                Some((_, values)) => values.push(value.clone()),
            }
        }
        if !chosen.is_empty() {
            let chosen = chosen.into_iter().map(|(name, value)| (name, Json::String(value)));
            json.insert("options".to_owned(), chosen.collect());
        }
        self.variants.push(Json::Object(json));
    }

    fn wrong(&mut self, row: u32, field: &str, code: &str, detail: &str) {
        let (field, code, detail) = (field.to_owned(), code.to_owned(), detail.to_owned());
        self.errors.push(Wrong { row, field, code, detail });
    }

    fn done(mut self) -> Read {
        if !self.variants.is_empty() {
            self.json.insert("variants".to_owned(), Json::Array(self.variants));
        }
        if !self.options.is_empty() {
            let option = |(name, values): (String, Vec<String>)| {
                let values = values.into_iter().map(Json::String).collect();
                Json::from_iter([("name".to_owned(), Json::String(name)), ("values".to_owned(), Json::Array(values))])
            };
            self.json.insert("options".to_owned(), Json::Array(self.options.into_iter().map(option).collect()));
        }
        Read { number: self.number, json: self.json, attributes: self.attributes, errors: self.errors }
    }
}

fn media(part: &str) -> Json {
    let (kind, rest) = match part.split_once(' ') {
        Some((kind, rest)) if !kind.contains("://") => (kind, rest.trim()),
        _ => ("image", part),
    };
    let (url, alt) = rest.split_once(' ').unwrap_or((rest, ""));
    Json::from_iter([
        ("kind".to_owned(), Json::from(kind)),
        ("url".to_owned(), Json::from(url)),
        ("alt".to_owned(), Json::from(alt.trim())),
    ])
}

/// Where in the file an error is, by its place in the product: which row, and which column.
pub(crate) fn column(number: u32, pointer: &str, attributes: &[v1::Attribute]) -> (u32, String) {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let place = parts.get(1).and_then(|place| place.parse::<u32>().ok()).unwrap_or(0);
    match parts.as_slice() {
        ["variants", _, field, rest @ ..] => {
            let column = match (*field, rest) {
                ("title", _) => "variant_title".to_owned(),
                ("price", ["currency"]) => "currency".to_owned(),
                ("options", [name]) => format!("{OPTION}:{}", name.replace("~1", "/").replace("~0", "~")),
                (field, _) => field.to_owned(),
            };
            (number.saturating_add(place), column)
        }
        ["attributes", _, ..] => {
            let attribute = usize::try_from(place).ok().and_then(|place| attributes.get(place));
            (number, attribute.map_or_else(|| "attributes".to_owned(), attribute_column))
        }
        [field, ..] => (number, (*field).to_owned()),
        [] => (number, String::new()),
    }
}

fn attribute_column(attribute: &v1::Attribute) -> String {
    format!("{}:{}", written(attribute).0, attribute.name)
}

/// The kind and the cell of an attribute.
fn written(attribute: &v1::Attribute) -> (&'static str, String) {
    use v1::attribute::Value;
    match &attribute.value {
        Some(Value::Text(text)) => ("text", text.clone()),
        Some(Value::Number(number)) => ("number", number.to_string()),
        Some(Value::Boolean(boolean)) => ("boolean", boolean.to_string()),
        Some(Value::Choice(choice)) => ("choice", choice.clone()),
        Some(Value::Date(date)) => ("date", date.clone()),
        None => ("text", String::new()),
    }
}

/// Products as a CSV.
pub(super) fn write(products: &[(String, v1::ProductContent)]) -> Vec<u8> {
    let contents = || products.iter().map(|(_, content)| content);
    let options: BTreeSet<String> = contents()
        .flat_map(|content| &content.variants)
        .flat_map(|variant| variant.options.keys().map(|name| format!("{OPTION}:{name}")))
        .collect();
    let attributes: BTreeSet<String> =
        contents().flat_map(|content| &content.attributes).map(attribute_column).collect();
    let fixed = TEXTS.iter().chain(&LISTS).copied().chain([MEDIA]).chain(VARIANT);
    let columns: Vec<String> = fixed.map(str::to_owned).chain(options).chain(attributes).collect();
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail, and every record has as many cells as there are columns.
    let _ = writer.write_record(&columns);
    for (product_id, content) in products {
        let mut cells = of_product(product_id, content);
        let mut variants = content.variants.iter();
        if let Some(first) = variants.next() {
            cells.extend(of_variant(first));
        }
        for cells in std::iter::once(cells).chain(variants.map(of_variant)) {
            let _ = writer.write_record(columns.iter().map(|column| cells.get(column).map_or("", String::as_str)));
        }
    }
    writer.into_inner().unwrap_or_default()
}

fn of_product(product_id: &str, product: &v1::ProductContent) -> BTreeMap<String, String> {
    let status = if product.status() == ProductStatus::Active { "active" } else { "draft" };
    let time =
        |at: &Option<_>| at.as_ref().map(|at| runtime::clock::from_wire(Some(at)).to_string()).unwrap_or_default();
    let media = product.media.iter().map(|media| {
        let kind = match media.kind() {
            v1::MediaKind::Unspecified | v1::MediaKind::Image => "image",
            v1::MediaKind::Video => "video",
            v1::MediaKind::Document => "document",
        };
        format!("{kind} {} {}", media.url, media.alt).trim_end().to_owned()
    });
    let cells = [
        ("product_id", product_id.to_owned()),
        ("title", product.title.clone()),
        ("description", product.description.clone()),
        ("slug", product.slug.clone()),
        ("status", status.to_owned()),
        ("product_type", product.product_type.clone()),
        ("tax_category", product.tax_category.clone().unwrap_or_default()),
        ("visible_from", time(&product.visible_from)),
        ("visible_until", time(&product.visible_until)),
        ("category_ids", product.category_ids.join("|")),
        ("tags", product.tags.join("|")),
        ("channels", product.channels.join("|")),
        (MEDIA, media.collect::<Vec<_>>().join("|")),
    ];
    let attributes = product.attributes.iter().map(|said| (attribute_column(said), written(said).1));
    cells.into_iter().map(|(column, cell)| (column.to_owned(), cell)).chain(attributes).collect()
}

fn of_variant(variant: &v1::Variant) -> BTreeMap<String, String> {
    let price = variant.price.clone().unwrap_or_default();
    let cells = [
        ("sku", variant.sku.clone()),
        ("variant_title", variant.title.clone()),
        ("price", price.amount.map(|amount| amount.to_string()).unwrap_or_default()),
        ("currency", price.currency),
        ("weight_grams", variant.weight_grams.map(|grams| grams.to_string()).unwrap_or_default()),
    ];
    let options = variant.options.iter().map(|(name, value)| (format!("{OPTION}:{name}"), value.clone()));
    cells.into_iter().map(|(column, cell)| (column.to_owned(), cell)).chain(options).collect()
}
