//! Imports and exports through real bytes, in a world.

#[path = "catalogue/shop.rs"]
mod shop;

use messages::product::v1::{self, FileFormat, JobStatus, rpc};
use runtime::testkit::{Asker, MemoryStore, refusal};

use shop::{as_customer, create, id, open, play, thing};

async fn import(asker: &Asker, name: &str, format: FileFormat, content: &str, dry_run: bool) -> String {
    let job_id = id("job", name);
    let content = content.to_owned();
    let request = v1::ImportProductsRequest { job_id: job_id.clone(), format: format.into(), content, dry_run };
    asker.ask::<rpc::ImportProducts>(Some(&job_id), &request).await.expect("a job");
    job_id
}

async fn ended(asker: &Asker, job_id: &str, status: JobStatus) -> v1::Job {
    let get = v1::GetJobRequest { job_id: job_id.to_owned() };
    let so = |said: &v1::GetJobResponse| said.job.as_ref().is_some_and(|job| job.status() == status);
    asker.until::<rpc::GetJob>(Some(job_id), &get, so).await.job.expect("a job")
}

async fn undo(asker: &Asker, job_id: &str) -> Result<v1::UndoImportResponse, String> {
    let request = v1::UndoImportRequest { job_id: job_id.to_owned() };
    let asked = asker.ask::<rpc::UndoImport>(Some(job_id), &request).await;
    if asked.is_ok() { Ok(asked.unwrap_or_default()) } else { Err(refusal(asked).code) }
}

async fn export(asker: &Asker, format: FileFormat, after: Option<String>, limit: u32) -> String {
    let request = v1::ExportProductsRequest { format: format.into(), limit: Some(limit), after };
    let said = asker.ask::<rpc::ExportProducts>(None, &request).await.expect("a file");
    String::from_utf8(said.content).expect("a text")
}

async fn listed(asker: &Asker, count: usize) -> Vec<v1::Product> {
    let active = v1::ProductStatusFilter { r#in: vec![1, 2], ..Default::default() };
    let request = v1::ListProductsRequest { limit: Some(100), status: Some(active), ..Default::default() };
    asker.until::<rpc::ListProducts>(None, &request, |said| said.data.len() == count).await.data
}

fn file(count: usize) -> String {
    let row = |n: usize| format!("Thing {n},active,THING-{n},{n}00,EUR\n");
    std::iter::once("title,status,sku,price,currency\n".to_owned()).chain((1..=count).map(row)).collect()
}

#[test]
fn an_import_goes_on_after_a_kill_and_no_product_is_there_twice() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let job_id = import(&asker, "big", FileFormat::Csv, &file(40), false).await;
        let get = v1::GetJobRequest { job_id: job_id.clone() };
        let begun = |said: &v1::GetJobResponse| said.job.as_ref().is_some_and(|job| job.products_done > 0);
        asker.until::<rpc::GetJob>(Some(&job_id), &get, begun).await;
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        let job = ended(&asker, &job_id, JobStatus::Done).await;
        assert_eq!((job.products_total, job.created, job.failed), (40, 40, 0));
        let products = listed(&asker, 40).await;
        assert!(products.iter().all(|product| product.version == 1));
        // The same import again finds what the first one did.
        let again = v1::ImportProductsRequest {
            job_id: job_id.clone(),
            format: FileFormat::Csv.into(),
            content: file(40),
            dry_run: false,
        };
        assert_eq!(refusal(asker.ask::<rpc::ImportProducts>(Some(&job_id), &again).await).code, "already_exists");
        stage.clear().await;
    });
}

#[test]
fn a_dry_run_says_what_would_be_wrong_and_changes_nothing() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let text = "title,status,sku,price,currency,category_ids,text:material\n\
            Mug,active,MUG,900,EUR,,\n\
            Cap,active,CAP,9.5,EUR,,\n\
            Hat,active,HAT,900,EUR,cat_01h455vb4pex5vsknk084sn02q,wool\n";
        let mut seen = Vec::new();
        for (name, dry_run) in [("dry", true), ("wet", false)] {
            let job_id = import(&asker, name, FileFormat::Csv, text, dry_run).await;
            let job = ended(&asker, &job_id, JobStatus::Done).await;
            let errors = job.errors.iter().map(|e| format!("{} {} {}", e.row, e.field, e.code)).collect::<Vec<_>>();
            seen.push((job.checked, job.created, job.failed, errors));
            if dry_run {
                assert_eq!(undo(&asker, &job_id).await.err().as_deref(), Some("nothing_to_undo"));
                listed(&asker, 0).await;
            }
        }
        let errors = ["2 price not_an_integer", "3 product_type unknown_value", "3 category_ids unknown_value"];
        let errors = errors.map(str::to_owned).to_vec();
        assert_eq!(seen, [(1, 0, 2, errors.clone()), (0, 1, 2, errors)]);
        listed(&asker, 1).await;
        stage.clear().await;
    });
}

#[test]
fn an_import_is_undone_but_for_what_was_changed_since() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let mug = create(&asker, thing("Mug")).await;
        let cap = create(&asker, thing("Cap")).await;
        listed(&asker, 2).await;
        let before = export(&asker, FileFormat::Ndjson, None, 100).await;
        let line = |product: &v1::Product, title: &str| {
            format!("{{\"product_id\":\"{}\",\"title\":\"{title}\",\"status\":\"draft\"}}\n", product.product_id)
        };
        let missing = v1::Product { product_id: id("prd", "missing"), ..Default::default() };
        let text = [
            line(&mug, "Cup"),
            line(&cap, "Hat"),
            "{\"title\":\"New\",\"status\":\"active\"}\n".to_owned(),
            line(&missing, "Lost"),
        ];
        let job_id = import(&asker, "change", FileFormat::Ndjson, &text.concat(), false).await;
        let job = ended(&asker, &job_id, JobStatus::Done).await;
        assert_eq!((job.created, job.updated, job.failed, job.errors[0].row), (1, 2, 1, 4));
        let change = v1::UpdateProductRequest {
            product_id: cap.product_id.clone(),
            title: "Changed since".into(),
            status: v1::ProductStatus::Active.into(),
            ..Default::default()
        };
        asker.ask::<rpc::UpdateProduct>(Some(&cap.product_id), &change).await.expect("a change");
        undo(&asker, &job_id).await.expect("undoing");
        // Whoever hosts it goes on undoing.
        stage.kill("a");
        stage.start("a").await;
        let job = ended(&asker, &job_id, JobStatus::Undone).await;
        assert_eq!((job.reverted, job.kept), (2, 1));
        assert_eq!(job.errors.first().map(|error| (error.row, error.code.as_str())), Some((2, "changed_since")));
        let products = listed(&asker, 2).await;
        let mut titles: Vec<_> = products.iter().map(|product| product.title.as_str()).collect();
        titles.sort_unstable();
        assert_eq!(titles, ["Changed since", "Mug"]);
        let after = export(&asker, FileFormat::Ndjson, None, 100).await;
        let mug_of = |file: &str| file.lines().find(|line| line.contains(&mug.product_id)).map(str::to_owned);
        assert_eq!(mug_of(&after), mug_of(&before));
        undo(&asker, &job_id).await.expect("already so");
        stage.clear().await;
    });
}

#[test]
fn what_is_exported_page_by_page_changes_nothing_when_it_is_imported() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        import(&asker, "some", FileFormat::Csv, &file(5), false).await;
        let products = listed(&asker, 5).await;
        for (name, format) in [("csv", FileFormat::Csv), ("ndjson", FileFormat::Ndjson)] {
            let whole = export(&asker, format, None, 100).await;
            let job_id = import(&asker, name, format, &whole, false).await;
            let job = ended(&asker, &job_id, JobStatus::Done).await;
            assert_eq!((job.unchanged, job.products_total), (5, 5));
        }
        let whole = export(&asker, FileFormat::Ndjson, None, 100).await;
        let first = export(&asker, FileFormat::Ndjson, None, 3).await;
        let mut ids: Vec<_> = products.iter().map(|product| product.product_id.clone()).collect();
        ids.sort();
        let rest = export(&asker, FileFormat::Ndjson, Some(ids[2].clone()), 3).await;
        assert_eq!([first, rest].concat(), whole);
        let get = v1::GetJobRequest { job_id: id("job", "some") };
        let asked = as_customer::<rpc::GetJob>(&asker, Some(&get.job_id), &get).await;
        assert_eq!(refusal(asked).code, "missing_scope");
        stage.clear().await;
    });
}
