//! Invoices on paper, read by a program that somebody else wrote.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::journey;
use crate::house::Ask;
use crate::stocked::Stocked;

/// Prints a PDF's pages as text, in JSON, as pypdf reads them.
const READ: &str = "import io, json, sys, pypdf\n\
    reader = pypdf.PdfReader(io.BytesIO(sys.stdin.buffer.read()), strict=True)\n\
    print(json.dumps({'title': reader.metadata.title, 'pages': [page.extract_text() for page in reader.pages]}))";

/// The Python that `./test.sh` prepared, else the machine's own.
fn python() -> PathBuf {
    let prepared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/venv/bin/python");
    if prepared.is_file() { prepared } else { PathBuf::from("python3") }
}

fn read(pdf: &[u8]) -> Value {
    let mut paper = tempfile::tempfile().expect("a file");
    std::io::Write::write_all(&mut paper, pdf).expect("it can be written");
    std::io::Seek::rewind(&mut paper).expect("it can be read");
    let read = Command::new(python()).args(["-c", READ]).stdin(paper).output().expect("python");
    let complaint = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "pip install -r tests/requirements.txt: {complaint}");
    serde_json::from_slice(&read.stdout).expect("JSON")
}

#[test]
fn an_invoice_can_be_printed_and_says_what_was_bought() {
    journey(async || {
        let mut shop = Stocked::open().await;
        shop.product("Tasse für Übermütige – Łódź", "CUP", 700).await;
        let vienna = shop.vienna.clone();
        shop.stock(&vienna, "CUP", 5).await;
        shop.until(Ask::get("/api/v1/prices/CUP"), |price| price["sku"] == "CUP").await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 2), ("CUP", 1)]).await;
        let invoice = format!("/api/v1/orders/{order_id}/invoice");
        let shown = shop.until(Ask::get(invoice.clone()), |invoice| invoice["number"].is_string()).await;
        let number = shown["number"].as_str().expect("a number").to_owned();
        let answer = guest.try_send(&Ask::get(format!("{invoice}.pdf"))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/pdf")), "{answer:?}");
        let named = answer.header("content-disposition").unwrap_or_default();
        assert!(named.contains(&format!("invoice-{number}.pdf")), "{named}");
        let paper = read(&answer.body);
        assert_eq!(
            (&paper["title"], paper["pages"].as_array().map(Vec::len)),
            (&format!("Invoice {number}").into(), Some(1))
        );
        let text = paper["pages"][0].as_str().expect("a text").to_owned();
        for said in
            ["Mercat", "Ada Lovelace", "Ringstrasse 1", "Mug", "Tasse für Übermütige – Lódz", &number, "41.90 EUR"]
        {
            assert!(text.contains(said), "{said} is not in {text}");
        }
        let mut other = shop.guest();
        other.cart(&[("MUG", 1)]).await;
        other.send(404, &Ask::get(format!("{invoice}.pdf"))).await;
    });
}
