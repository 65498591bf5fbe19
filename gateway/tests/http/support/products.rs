//! A product group of one product, as small as a group can be and still keep the promises that HTTP makes for it.

use std::collections::HashMap;

use messages::common::v1::Problem;
use messages::problem::Kind;
use messages::product::v1::{
    CreateProductRequest, CreateProductResponse, GetProductRequest, GetProductResponse, ListProductsResponse, Product,
    ProductStatus, UpdateProductRequest, UpdateProductResponse,
};
use prost::Message;
use runtime::headers;

use super::Shop;
use super::group::{Heard, Says};

/// The product there is.
pub(crate) const ID: &str = "prd_01h455vb4pex5vsknk084sn02q";
/// Where it is shown.
pub(crate) const PRODUCT: &str = "/api/v1/products/prd_01h455vb4pex5vsknk084sn02q";

/// The product there is, at version 3.
pub(crate) fn shirt() -> Product {
    Product {
        product_id: ID.to_owned(),
        version: 3,
        title: "Trail shirt".to_owned(),
        description: "Light, dries fast.".to_owned(),
        status: ProductStatus::Active.into(),
        ..Product::default()
    }
}

/// A shop that sells one shirt.
pub(crate) async fn shop() -> Shop {
    let mut products = Products::with(shirt());
    Shop::open(move |heard| products.answer(heard)).await
}

/// A group that keeps products in memory and remembers commands by their ids.
#[derive(Default)]
pub(crate) struct Products {
    by_id: HashMap<String, (Product, u64)>,
    answered: HashMap<String, (String, Says)>,
    sequence: u64,
}

impl Products {
    /// With one product, at version 3.
    pub(crate) fn with(product: Product) -> Products {
        Products { by_id: HashMap::from([(product.product_id.clone(), (product, 3))]), ..Products::default() }
    }

    pub(crate) fn answer(&mut self, heard: &Heard) -> Option<Says> {
        let Some(command) = heard.header(headers::COMMAND) else { return Some(self.read(heard)) };
        let mut parts = command.split('.');
        let (id, fingerprint) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        if let Some((known, says)) = self.answered.get(&id) {
            return Some(if *known == fingerprint {
                says.clone().with(headers::REPLAYED, "1")
            } else {
                Says::no(&Problem::new(Kind::Unprocessable, "fingerprint_mismatch", "another body"))
            });
        }
        self.sequence += 1;
        let says = self.decide(heard).with(headers::POSITION, format!("product/5/{}", self.sequence));
        self.answered.insert(id, (fingerprint, says.clone()));
        Some(says)
    }

    fn read(&self, heard: &Heard) -> Says {
        match heard.verb() {
            "get" => {
                let asked = GetProductRequest::decode(heard.payload.clone()).expect("a request");
                match self.by_id.get(&asked.product_id) {
                    Some((product, version)) => Says::yes(&GetProductResponse { product: Some(product.clone()) })
                        .with(headers::VERSION, version),
                    None => Says::no(&Problem::not_found("not_found", "There is no such product.")),
                }
            }
            "list" => Says::yes(&ListProductsResponse {
                data: self.by_id.values().map(|(product, _)| product.clone()).collect(),
                ..ListProductsResponse::default()
            }),
            other => panic!("nobody plays {other}"),
        }
    }

    fn decide(&mut self, heard: &Heard) -> Says {
        match heard.verb() {
            "create" => {
                let asked = CreateProductRequest::decode(heard.payload.clone()).expect("a request");
                let product = Product {
                    product_id: asked.product_id,
                    title: asked.title,
                    status: asked.status,
                    variants: asked.variants,
                    version: 1,
                    ..Product::default()
                };
                self.by_id.insert(product.product_id.clone(), (product.clone(), 1));
                Says::yes(&CreateProductResponse { product: Some(product) }).with(headers::VERSION, 1)
            }
            "update" => {
                let asked = UpdateProductRequest::decode(heard.payload.clone()).expect("a request");
                let Some((product, version)) = self.by_id.get_mut(&asked.product_id) else {
                    return Says::no(&Problem::not_found("not_found", "There is no such product."));
                };
                let wanted = heard.header(headers::IF_VERSION).map(|text| text.parse().expect("a version"));
                if wanted.is_some_and(|wanted: u64| wanted != *version) {
                    return Says::no(&Problem::stale(*version));
                }
                *version += 1;
                product.title = asked.title;
                product.description = asked.description;
                product.status = asked.status;
                product.variants = asked.variants;
                product.version = *version;
                Says::yes(&UpdateProductResponse { product: Some(product.clone()) }).with(headers::VERSION, *version)
            }
            other => panic!("nobody plays {other}"),
        }
    }

    /// Somebody else changes the product.
    pub(crate) fn change(&mut self, id: &str) {
        self.by_id.get_mut(id).expect("it exists").1 += 1;
    }
}
