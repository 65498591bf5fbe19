//! Files of products: CSV and NDJSON to rows and back.
//!
//! A row becomes the JSON of a request, so a file is held to what every request is held to, and says what is wrong in the
//! same words. What is wrong with a row is that row's; only a file that cannot be read at all is refused.

mod csv;

use std::collections::BTreeSet;

use messages::id::ProductId;
use messages::json::{Json, Object, ToJson as _, parse};
use messages::transcode::read_client;
use prost::Message as _;

pub(crate) use csv::column;

use super::{FieldError, ProductStatus, code, v1};
use crate::import::{Format, PRODUCTS_MAX, Row, Wrong};

/// What of a file one answer carries: NATS takes 4 MB.
const EXPORT_BYTES_MAX: usize = 3_000_000;

/// A product of a file as it was read: the row that it begins in, and its JSON or what is wrong with it.
struct Read {
    number: u32,
    json: Object,
    /// The attributes that columns name, to find the column of an error.
    attributes: Vec<v1::Attribute>,
    errors: Vec<Wrong>,
}

/// The products of a file. The ids of new ones derive from the job and the row.
///
/// # Errors
/// When the file as a whole cannot be read.
pub(crate) fn read(job_id: &str, format: Format, content: &str) -> Result<Vec<Row>, Vec<FieldError>> {
    let read = match format {
        Format::Csv => csv::read(content)?,
        Format::Ndjson => lines(content),
    };
    if read.is_empty() || read.len() > PRODUCTS_MAX {
        let (code, detail) = if read.is_empty() {
            (code::TOO_FEW, "there is no product in it".to_owned())
        } else {
            (code::TOO_MANY, format!("it has {} products; at most {PRODUCTS_MAX} are imported at once", read.len()))
        };
        return Err(vec![FieldError { pointer: "/content".into(), code, detail }]);
    }
    let mut named = BTreeSet::new();
    Ok(read.into_iter().map(|read| row(job_id, format, read, &mut named)).collect())
}

fn lines(content: &str) -> Vec<Read> {
    let lines = (1..).zip(content.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line): (u32, &str)| {
        let wrong = |error: FieldError| Wrong {
            row: number,
            field: error.pointer,
            code: error.code.to_owned(),
            detail: error.detail,
        };
        let (json, errors) = match parse(line.as_bytes()) {
            Ok(Json::Object(object)) => (object, Vec::new()),
            Ok(_) => {
                let detail = "must be an object".to_owned();
                (Object::new(), vec![wrong(FieldError { pointer: String::new(), code: code::WRONG_TYPE, detail })])
            }
            Err(errors) => (Object::new(), errors.into_iter().map(wrong).collect()),
        };
        Read { number, json, attributes: Vec::new(), errors }
    };
    lines.map(read).collect()
}

fn row(job_id: &str, format: Format, read: Read, named: &mut BTreeSet<String>) -> Row {
    let Read { number, mut json, attributes, mut errors } = read;
    let wrong = |pointer: &str, code: &str, detail: &str| {
        let (row, field) = match format {
            Format::Csv => column(number, pointer, &attributes),
            Format::Ndjson => (number, pointer.to_owned()),
        };
        Wrong { row, field, code: code.to_owned(), detail: detail.to_owned() }
    };
    let known = json.remove("product_id");
    let is_new = known.is_none();
    let product_id = match &known {
        None => ProductId::derived(format!("{job_id}/{number}").as_bytes()).to_string(),
        Some(said) => said.as_str().unwrap_or_default().to_owned(),
    };
    if ProductId::parse(&product_id).is_err() {
        errors.push(wrong("/product_id", code::BAD_ID, "must be the id of a product"));
    } else if !named.insert(product_id.clone()) {
        errors.push(wrong("/product_id", code::NOT_UNIQUE, "an earlier row is about the same product"));
    }
    if !is_new && errors.is_empty() && !json.contains_key("status") {
        // As an update: a replacement never takes a product off sale by leaving something out.
        errors.push(wrong("/status", code::REQUIRED, "must be given for a product that is there"));
    }
    let mut product = None;
    if errors.is_empty() {
        match read_client::<v1::CreateProductRequest>(&Json::Object(json)) {
            Ok(said) => product = Some(requested(said).encode_to_vec()),
            Err(wrongs) => errors.extend(wrongs.iter().map(|e| wrong(&e.pointer, e.code, &e.detail))),
        }
    }
    // What cannot be an id is none: the row stands for itself.
    let product_id = if ProductId::parse(&product_id).is_ok() {
        product_id
    } else {
        ProductId::derived(format!("{job_id}/{number}").as_bytes()).to_string()
    };
    Row { number, product_id, is_new, product, errors, outcome: None, reverted: None }
}

fn requested(said: v1::CreateProductRequest) -> v1::ProductContent {
    v1::ProductContent {
        // A row that says nothing is a draft; the event of the job holds what was understood.
        status: if said.status() == ProductStatus::Active { said.status } else { ProductStatus::Draft.into() },
        title: said.title,
        description: said.description,
        slug: said.slug,
        product_type: said.product_type,
        variants: said.variants,
        tax_category: said.tax_category,
        category_ids: said.category_ids,
        options: said.options,
        attributes: said.attributes,
        media: said.media,
        tags: said.tags,
        channels: said.channels,
        visible_from: said.visible_from,
        visible_until: said.visible_until,
    }
}

/// What a product that is shown says about itself.
#[must_use]
pub(crate) fn content(product: v1::Product) -> v1::ProductContent {
    v1::ProductContent {
        status: product.status,
        title: product.title,
        description: product.description,
        slug: product.slug,
        product_type: product.product_type,
        variants: product.variants,
        tax_category: product.tax_category,
        category_ids: product.category_ids,
        options: product.options,
        attributes: product.attributes,
        media: product.media,
        tags: product.tags,
        channels: product.channels,
        visible_from: product.visible_from,
        visible_until: product.visible_until,
    }
}

/// A product as a line of NDJSON, as an import takes it.
fn line(product_id: &str, content: &v1::ProductContent) -> String {
    let content = content.clone();
    let said = v1::CreateProductRequest {
        product_id: product_id.to_owned(),
        status: content.status,
        title: content.title,
        description: content.description,
        slug: content.slug,
        product_type: content.product_type,
        variants: content.variants,
        tax_category: content.tax_category,
        category_ids: content.category_ids,
        options: content.options,
        attributes: content.attributes,
        media: content.media,
        tags: content.tags,
        channels: content.channels,
        visible_from: content.visible_from,
        visible_until: content.visible_until,
    };
    said.to_json()
}

/// A file of products, of as many as fit.
#[must_use]
pub fn write(format: v1::FileFormat, products: impl Iterator<Item = v1::Product>) -> v1::ExportProductsResponse {
    packed(format, products.map(|product| (product.product_id.clone(), content(product))))
}

fn packed(
    format: v1::FileFormat,
    products: impl Iterator<Item = (String, v1::ProductContent)>,
) -> v1::ExportProductsResponse {
    let (mut fitting, mut lines, mut bytes) = (Vec::new(), String::new(), 0);
    for (product_id, content) in products {
        let line = line(&product_id, &content);
        bytes += line.len() + 1;
        if bytes > EXPORT_BYTES_MAX && !fitting.is_empty() {
            break;
        }
        lines.push_str(&line);
        lines.push('\n');
        fitting.push((product_id, content));
    }
    let (content, media_type, name) = match super::import::format_in(format) {
        Format::Csv => (csv::write(&fitting), "text/csv; charset=utf-8", "products.csv"),
        Format::Ndjson => (lines.into_bytes(), "application/x-ndjson", "products.ndjson"),
    };
    v1::ExportProductsResponse { content, media_type: media_type.to_owned(), name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const JOB: &str = "job_01h455vb4pex5vsknk084sn02q";

    /// What is wrong with a file, row by row.
    fn check(format: Format, content: &str, expected: Expect) {
        let said = match read(JOB, format, content) {
            Err(errors) => errors.iter().map(|error| format!("refused: {error}")).collect::<Vec<_>>(),
            Ok(rows) => {
                let one = |row: Row| {
                    let wrong = row.errors.iter().map(|w| format!("{} {} {}", w.row, w.field, w.code));
                    let wrong: Vec<_> = wrong.collect();
                    if wrong.is_empty() { format!("{} good", row.number) } else { wrong.join("\n") }
                };
                rows.into_iter().map(one).collect()
            }
        };
        expected.assert_eq(&said.join("\n"));
    }

    #[test]
    fn what_is_wrong_with_a_csv_is_said_by_row_and_column() {
        check(
            Format::Csv,
            "title,sku,price,currency\nMug,MUG,900,EUR\n,MUG-XL,1200,EUR\nCap,CAP,9.5,EUR\n",
            expect![[r#"
            1 good
            3 price not_an_integer"#]],
        );
        check(
            Format::Csv,
            "title,sku,price,currency\nMug,MUG,900,EUR\n,M UG,1200,EUR\n,,,\n",
            expect![[r#"
            2 sku bad_format
            3 title required"#]],
        );
        check(
            Format::Csv,
            "title,colour\nMug,red\n",
            expect!["refused: /content: there is no column `colour` (unknown_field)"],
        );
        check(
            Format::Csv,
            "title,title\nMug,red\n",
            expect!["refused: /content: the column `title` is there twice (duplicate_key)"],
        );
        check(Format::Csv, "title\n", expect!["refused: /content: there is no product in it (too_few)"]);
        check(
            Format::Csv,
            "title,number:grams,boolean:warm\nMug,many,yes\n",
            expect![[r#"
            1 boolean:warm wrong_type
            1 number:grams not_an_integer"#]],
        );
        check(
            Format::Csv,
            "product_id,title\nprd_01h455vb4pex5vsknk084sn02q,Mug\nmug,Cap\n",
            expect![[r#"
            1 status required
            2 product_id bad_id"#]],
        );
        check(Format::Csv, "title,status\nMug,active,more\n", expect!["1  too_many"]);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_by_pointer() {
        check(
            Format::Ndjson,
            "{\"title\":\"Mug\"}\n\n{\"title\":1}\n{\n[]\n{\"title\":\"Mug\",\"version\":1}",
            expect![[r#"
            1 good
            3 /title wrong_type
            4  not_json
            5  wrong_type
            6 /version unknown_field"#]],
        );
        let twice =
            "{\"product_id\":\"prd_01h455vb4pex5vsknk084sn02q\",\"title\":\"Mug\",\"status\":\"draft\"}\n".repeat(2);
        check(
            Format::Ndjson,
            &twice,
            expect![[r#"
            1 good
            2 /product_id not_unique"#]],
        );
    }

    #[test]
    fn what_is_exported_is_what_was_imported() {
        let text = concat!(
            "title,description,status,product_type,category_ids,tags,channels,visible_from,media,sku,variant_title,price,",
            "currency,weight_grams,option:size,choice:season,number:grams\n",
            "Shirt,\"Light, dries fast\",active,apparel,cat_01h455vb4pex5vsknk084sn02q,summer|new,web,2026-01-31T09:30:00Z,",
            "https://a.example/1.jpg|video https://a.example/2.mp4 On a rock,SHIRT-S,Small,1999,EUR,180,S,winter,7\n",
            ",,,,,,,,,SHIRT-M,,2099,EUR,,M,,\n",
        );
        let goods = |rows: Vec<Row>| -> Vec<v1::ProductContent> {
            let content = |row: &Row| v1::ProductContent::decode(row.product.as_deref().expect("one")).expect("read");
            rows.iter().map(content).collect()
        };
        let read_all = |format, text: &str| goods(read(JOB, format, text).expect("a file"));
        let shirt = read_all(Format::Csv, text);
        assert_eq!(
            (shirt.len(), shirt[0].variants.len(), shirt[0].options[0].values.join(",").as_str()),
            (1, 2, "S,M")
        );
        for (format, file) in [(Format::Csv, v1::FileFormat::Csv), (Format::Ndjson, v1::FileFormat::Ndjson)] {
            let one = ("prd_01h455vb4pex5vsknk084sn02q".to_owned(), shirt[0].clone());
            let written = packed(file, std::iter::once(one));
            let written = String::from_utf8(written.content).expect("a text");
            assert_eq!(read_all(format, &written), shirt, "{written}");
        }
    }
}
