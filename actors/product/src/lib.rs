#![doc = include_str!("../README.md")]

pub mod attributes;
pub mod category;
pub mod collection;
pub mod details;
pub mod import;
pub mod product;
pub mod product_type;
pub mod reactions;
pub mod synonyms;
pub mod tree;
pub mod unfound;
pub mod views;
pub mod wire;

use runtime::entity::ActorKey;
use runtime::group::Group;

use category::Category;
use collection::Collection;
use import::Import;
use product::Product;
use product_type::ProductType;
use synonyms::Synonyms;
use tree::Tree;
use unfound::Unfound;
use wire::rpc;

/// The group: what the shop sells.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Product>()
        .entity::<Category>()
        .entity::<Tree>()
        .entity::<ProductType>()
        .entity::<Synonyms>()
        .entity::<Unfound>()
        .entity::<Collection>()
        .entity::<Import>()
        .command_with::<rpc::CreateProduct, Product, _>(
            |request| request.product_id.clone(),
            wire::vet::creation,
            wire::create,
        )
        .command_with::<rpc::UpdateProduct, Product, _>(
            |request| request.product_id.clone(),
            wire::vet::update,
            wire::update,
        )
        .command::<rpc::ArchiveProduct, Product>(|request| request.product_id.clone(), wire::archive)
        .command::<rpc::MarkFewLeft, Product>(|request| request.product_id.clone(), wire::mark_few_left)
        .read::<rpc::GetProduct, Product>(|request| request.product_id.clone(), wire::get)
        .history::<rpc::GetProductHistory>(|request| ActorKey::of::<Product>(&request.product_id))
        .command_with::<rpc::CreateCategory, Category, _>(
            |request| request.category_id.clone(),
            wire::category::place_new,
            wire::category::create,
        )
        .command::<rpc::UpdateCategory, Category>(|request| request.category_id.clone(), wire::category::update)
        .command_with::<rpc::MoveCategory, Category, _>(
            |request| request.category_id.clone(),
            wire::category::place_known,
            wire::category::relocate,
        )
        .read::<rpc::GetCategory, Category>(|request| request.category_id.clone(), wire::category::get)
        .command::<rpc::ArrangeCategory, Tree>(|request| request.tree_id.clone(), wire::tree::arrange)
        .read::<rpc::KnowCategories, Tree>(|request| request.tree_id.clone(), wire::tree::know)
        .command::<rpc::DefineProductType, ProductType>(
            |request| request.product_type.clone(),
            wire::product_type::define,
        )
        .read::<rpc::GetProductType, ProductType>(|request| request.product_type.clone(), wire::product_type::get)
        .command::<rpc::SetSynonyms, Synonyms>(|request| request.name.clone(), wire::synonyms::set)
        .command::<rpc::DeleteSynonyms, Synonyms>(|request| request.name.clone(), wire::synonyms::delete)
        .read::<rpc::GetSynonyms, Synonyms>(|request| request.name.clone(), wire::synonyms::get)
        .command::<rpc::NoteUnfound, Unfound>(|request| request.report_id.clone(), wire::synonyms::note)
        .command::<rpc::CreateCollection, Collection>(|request| request.collection_id.clone(), wire::collection::create)
        .command::<rpc::UpdateCollection, Collection>(|request| request.collection_id.clone(), wire::collection::update)
        .command::<rpc::DeleteCollection, Collection>(|request| request.collection_id.clone(), wire::collection::delete)
        .read::<rpc::GetCollection, Collection>(|request| request.collection_id.clone(), wire::collection::get)
        .command::<rpc::ImportProducts, Import>(|request| request.job_id.clone(), wire::import::start)
        .command::<rpc::UndoImport, Import>(|request| request.job_id.clone(), wire::import::undo)
        .read::<rpc::GetJob, Import>(|request| request.job_id.clone(), wire::import::get)
        .command_with::<rpc::ImportProduct, Product, _>(
            |request| request.product_id.clone(),
            wire::imported::importing,
            wire::imported::import,
        )
        .read_with::<rpc::CheckProduct, Product, _>(
            |request| request.product_id.clone(),
            wire::imported::checking,
            wire::imported::check,
        )
        .command::<rpc::RevertProduct, Product>(|request| request.product_id.clone(), wire::imported::revert)
        .view::<views::Catalogue>()
        .query::<rpc::ListProducts>(views::list)
        .query::<rpc::SearchProducts>(views::search)
        .query::<rpc::ListCategories>(views::categories)
        .query::<rpc::ListProductTypes>(views::types)
        .query::<rpc::ExportProducts>(views::export)
        .query::<rpc::ListSynonyms>(views::synonyms)
        .query::<rpc::ListUnfound>(views::unfound)
        .query::<rpc::ListCollections>(views::collections)
        .query::<rpc::ListCollectionProducts>(views::collection_products)
        .view::<views::Skus>()
        .query::<rpc::Lookup>(views::lookup)
        .react("inventory", reactions::stock)
}
