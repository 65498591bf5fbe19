//! `mercat routes`: what the door answers to, said without asking it.

use crate::run::{command, mercat, run};

fn routes(arguments: &[&str]) -> crate::run::Ran {
    let mut program = command(mercat());
    program.arg("routes").args(arguments);
    run(&mut program, b"")
}

#[test]
fn every_door_of_the_contract_is_listed_with_who_may_use_it() {
    let said = routes(&[]).ok();
    let doors: usize = messages::ROUTES.iter().map(|route| route.http.len()).sum();
    assert_eq!(said.lines().count(), doors, "{said}");
    let line = said.lines().find(|line| line.contains("/api/v1/inventory/reserve ")).expect("a line");
    assert!(line.starts_with("POST ") && line.contains("inventory.reserve") && line.contains("scope "), "{line}");
    let some = routes(&["webhook"]).ok();
    assert!(some.lines().count() > 1 && some.lines().all(|line| line.contains("webhook")), "{some}");
}

#[test]
fn a_request_is_explained_as_the_gateway_would_treat_it() {
    let said = routes(&["explain", "get", "/api/v1/products/prd_01h455vb4pex5vsknk084sn02q?at=3"]).ok();
    for line in ["product.get:", "shop.product.prd_01h455vb4pex5vsknk084sn02q.get", "anyone", "404 not_found"] {
        assert!(said.contains(line), "{line} is missing in\n{said}");
    }
    let said = routes(&["explain", "PATCH", "/api/v1/products/prd_01h455vb4pex5vsknk084sn02q"]).ok();
    assert!(said.contains("first reads") && said.contains("scope product:write"), "{said}");
    let said = routes(&["explain", "POST", "/api/v1/orders"]).ok();
    assert!(said.contains("Idempotency-Key required") && said.contains("then 202"), "{said}");
    let said = routes(&["explain", "DELETE", "/api/v1/orders"]).failed();
    assert!(said.contains("405") && said.contains("POST"), "{said}");
    let said = routes(&["explain", "GET", "/api/v1/nothing"]).failed();
    assert!(said.contains("404 no_such_path"), "{said}");
}
