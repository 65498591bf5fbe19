//! What the seeded shop sells: a dozen things by hand, and families of things that differ by model and make.
//!
//! Everything follows from these tables, so every shop is sown alike.

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct Good {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) sku: String,
    /// The name of the category it is in.
    pub(crate) category: &'static str,
    /// What taxes fall on.
    pub(crate) tax_category: &'static str,
    pub(crate) weight_grams: i64,
    /// The end of the SKU, what tells the variant apart, and what it costs in cents.
    pub(crate) variants: Vec<(String, String, i64)>,
    /// Units of each variant in each warehouse: Vienna, Hamburg, Reading.
    pub(crate) stock: [i64; 3],
}

/// Things by hand: they are in one warehouse, and there are few of some.
struct Thing {
    title: &'static str,
    description: &'static str,
    sku: &'static str,
    variants: &'static [(&'static str, &'static str, i64)],
    stock: i64,
}

const THINGS: &[Thing] = &[
    Thing {
        title: "Enamel mug",
        description: "Holds coffee, survives rocks.",
        sku: "MUG",
        variants: &[("BLUE", "Blue", 1499), ("GREEN", "Green", 1499), ("WHITE", "White", 1399)],
        stock: 120,
    },
    Thing {
        title: "Trail shirt",
        description: "Light, dries fast.",
        sku: "SHIRT",
        variants: &[("RED-S", "Red, S", 3990), ("RED-M", "Red, M", 3990), ("RED-L", "Red, L", 3990)],
        stock: 40,
    },
    Thing {
        title: "Wool cap",
        description: "Warm ears, small when packed.",
        sku: "CAP",
        variants: &[("GREY", "Grey", 2490)],
        stock: 75,
    },
    Thing {
        title: "Day pack 22 l",
        description: "A bag for a day out.",
        sku: "PACK22",
        variants: &[("BLACK", "Black", 8900), ("MOSS", "Moss", 8900)],
        stock: 25,
    },
    Thing {
        title: "Camp stove",
        description: "Boils half a litre in three minutes.",
        sku: "STOVE",
        variants: &[("STD", "", 5450)],
        stock: 18,
    },
    Thing {
        title: "Head torch",
        description: "Four hundred lumens, rechargeable.",
        sku: "TORCH",
        variants: &[("STD", "", 3995)],
        stock: 60,
    },
    Thing {
        title: "Map of the Karst",
        description: "1:25,000, waterproof.",
        sku: "MAP-KARST",
        variants: &[("STD", "", 1290)],
        stock: 200,
    },
    Thing {
        title: "Trekking poles",
        description: "A pair, carbon, three parts.",
        sku: "POLES",
        variants: &[("PAIR", "", 11900)],
        stock: 12,
    },
    Thing {
        title: "Merino socks",
        description: "One pair, cushioned heel.",
        sku: "SOCKS",
        variants: &[("39-41", "39–41", 1890), ("42-44", "42–44", 1890)],
        stock: 150,
    },
    Thing {
        title: "Water bottle 0.75 l",
        description: "Steel, keeps its lid.",
        sku: "BOTTLE",
        variants: &[("STEEL", "Steel", 2650)],
        stock: 90,
    },
    Thing {
        title: "First aid kit",
        description: "For two people and a week.",
        sku: "AID",
        variants: &[("STD", "", 3250)],
        stock: 30,
    },
    Thing {
        title: "Last tent of the year",
        description: "Two people, three seasons, ten left.",
        sku: "TENT",
        variants: &[("2P", "Two people", 32900)],
        stock: 10,
    },
];

/// The tree of categories: each at the top, and those below it.
pub(crate) const CATEGORIES: &[(&str, &[&str])] = &[
    ("Favourites", &[]),
    ("Clothing", &["Jackets", "Trousers", "Shirts", "Footwear", "Gloves"]),
    ("Equipment", &["Rucksacks", "Sleeping", "Tents", "Camp kitchen", "Light", "Climbing", "Navigation"]),
    ("Provisions", &["Food", "Books and maps"]),
];

/// How variants of a family differ.
#[derive(Debug, Clone, Copy)]
enum By {
    Size,
    Shoe,
    Colour,
    Litres,
    Nothing,
}

impl By {
    /// The end of the SKU, what people read, and how much dearer it is, in per cent.
    fn variants(self) -> &'static [(&'static str, &'static str, i64)] {
        match self {
            By::Size => &[("S", "S", 0), ("M", "M", 0), ("L", "L", 0), ("XL", "XL", 0)],
            By::Shoe => &[("38", "38", 0), ("40", "40", 0), ("42", "42", 0), ("44", "44", 0)],
            By::Colour => &[("MOSS", "Moss", 0), ("SLATE", "Slate", 0), ("RUST", "Rust", 0)],
            By::Litres => &[("35", "35 l", 0), ("50", "50 l", 20), ("65", "65 l", 35)],
            By::Nothing => &[("STD", "", 0)],
        }
    }
}

/// A family: kinds of a thing, each in several models.
struct Family {
    sku: &'static str,
    category: &'static str,
    by: By,
    tax_category: &'static str,
    weight_grams: i64,
    /// The end of the SKU, the thing, what it is good for, and what the plainest costs in cents.
    kinds: &'static [(&'static str, &'static str, &'static str, i64)],
    /// The first of the models that it comes in.
    models: usize,
    stock: [i64; 3],
}

/// Models: a name, what is said of it, and how much dearer it is, in per cent.
const MODELS: &[(&str, &str, i64)] = &[
    ("Larch", "Plain and repairable.", 0),
    ("Tarn", "For wet days.", 10),
    ("Scree", "For rough ground.", 15),
    ("Fell", "Light enough to forget.", 25),
    ("Cairn", "Made to be handed down.", 40),
    ("Beck", "For beginners and guests.", -10),
    ("Arete", "What guides take.", 60),
];

const FAMILIES: &[Family] = &[
    Family {
        sku: "JKT",
        category: "Jackets",
        by: By::Size,
        tax_category: "standard",
        weight_grams: 420,
        kinds: &[
            ("RAIN", "rain jacket", "Three layers, taped seams.", 14900),
            ("DOWN", "down jacket", "Warm below freezing, packs into its own pocket.", 19900),
            ("SOFT", "softshell jacket", "Stops wind, lets heat out.", 11900),
        ],
        models: 6,
        stock: [30, 25, 20],
    },
    Family {
        sku: "TRS",
        category: "Trousers",
        by: By::Size,
        tax_category: "standard",
        weight_grams: 380,
        kinds: &[
            ("HIKE", "hiking trousers", "Stretch where knees bend.", 8900),
            ("ZIP", "zip-off trousers", "Long in the morning, short at noon.", 9900),
            ("SHORT", "trail shorts", "Four pockets, quick to dry.", 5900),
        ],
        models: 5,
        stock: [35, 30, 20],
    },
    Family {
        sku: "TEE",
        category: "Shirts",
        by: By::Size,
        tax_category: "standard",
        weight_grams: 160,
        kinds: &[
            ("MERINO", "merino shirt", "Does not smell after a week.", 6900),
            ("LONG", "long-sleeved shirt", "Keeps sun and flies off.", 5400),
        ],
        models: 7,
        stock: [60, 50, 40],
    },
    Family {
        sku: "BOOT",
        category: "Footwear",
        by: By::Shoe,
        tax_category: "standard",
        weight_grams: 1100,
        kinds: &[
            ("HIGH", "hiking boots", "Leather, resoled by us.", 18900),
            ("LOW", "approach shoes", "Sticky on rock, fine in town.", 12900),
            ("RUN", "trail running shoes", "Grip in mud.", 13900),
        ],
        models: 5,
        stock: [20, 18, 12],
    },
    Family {
        sku: "BAG",
        category: "Rucksacks",
        by: By::Litres,
        tax_category: "standard",
        weight_grams: 1500,
        kinds: &[
            ("TREK", "trekking rucksack", "Carries on the hips.", 17900),
            ("CLIMB", "climbing rucksack", "Narrow, with loops for axes.", 14900),
        ],
        models: 6,
        stock: [15, 15, 10],
    },
    Family {
        sku: "SLEEP",
        category: "Sleeping",
        by: By::Nothing,
        tax_category: "standard",
        weight_grams: 1200,
        kinds: &[
            ("SUMMER", "summer sleeping bag", "Down to 8 °C.", 9900),
            ("WINTER", "winter sleeping bag", "Down to −15 °C.", 27900),
            ("MAT", "sleeping mat", "Five centimetres of air.", 7900),
        ],
        models: 6,
        stock: [25, 20, 15],
    },
    Family {
        sku: "TNT",
        category: "Tents",
        by: By::Colour,
        tax_category: "standard",
        weight_grams: 2400,
        kinds: &[
            ("ONE", "one-person tent", "Up in three minutes.", 24900),
            ("TWO", "two-person tent", "Two doors, no quarrels.", 32900),
            ("TARP", "tarp", "A roof of three by three metres.", 8900),
        ],
        models: 5,
        stock: [8, 8, 6],
    },
    Family {
        sku: "COOK",
        category: "Camp kitchen",
        by: By::Nothing,
        tax_category: "standard",
        weight_grams: 450,
        kinds: &[
            ("POT", "cooking pot", "Titanium, with a lid that drains.", 4900),
            ("PAN", "folding pan", "Goes into the pot.", 3900),
            ("CUP", "cup", "Steel, double-walled.", 1900),
        ],
        models: 6,
        stock: [50, 40, 30],
    },
    Family {
        sku: "LAMP",
        category: "Light",
        by: By::Colour,
        tax_category: "standard",
        weight_grams: 180,
        kinds: &[
            ("LANTERN", "lantern", "Light for a table, charged by USB.", 3900),
            ("CLIP", "clip light", "For a cap or a strap.", 1900),
        ],
        models: 6,
        stock: [40, 30, 30],
    },
    Family {
        sku: "GLOVE",
        category: "Gloves",
        by: By::Size,
        tax_category: "standard",
        weight_grams: 90,
        kinds: &[
            ("THIN", "liner gloves", "Work with screens.", 2400),
            ("THICK", "winter gloves", "Leather palms.", 6900),
        ],
        models: 5,
        stock: [45, 40, 25],
    },
    Family {
        sku: "ROPE",
        category: "Climbing",
        by: By::Nothing,
        tax_category: "standard",
        weight_grams: 3600,
        kinds: &[
            ("SINGLE", "single rope 60 m", "9.5 mm, dry-treated.", 16900),
            ("HARNESS", "climbing harness", "Four gear loops.", 6400),
            ("HELMET", "helmet", "Under 250 grams.", 6900),
        ],
        models: 5,
        stock: [12, 12, 8],
    },
    Family {
        sku: "NAV",
        category: "Navigation",
        by: By::Nothing,
        tax_category: "standard",
        weight_grams: 120,
        kinds: &[
            ("COMPASS", "compass", "With a mirror and a clinometer.", 3900),
            ("WATCH", "altimeter watch", "Runs for a month.", 24900),
        ],
        models: 5,
        stock: [25, 20, 15],
    },
    Family {
        sku: "BOOK",
        category: "Books and maps",
        by: By::Nothing,
        tax_category: "reduced",
        weight_grams: 320,
        kinds: &[
            ("GUIDE", "guidebook", "Sixty day walks with maps.", 2290),
            ("DIARY", "tour diary", "Paper that takes rain.", 1490),
        ],
        models: 6,
        stock: [80, 60, 60],
    },
    Family {
        sku: "FOOD",
        category: "Food",
        by: By::Nothing,
        tax_category: "reduced",
        weight_grams: 125,
        kinds: &[
            ("STEW", "lentil stew", "Just add hot water.", 890),
            ("MUESLI", "muesli", "Breakfast for one, with milk in it.", 590),
            ("BAR", "oat bars, box of 12", "Nuts, honey, nothing else.", 1890),
        ],
        models: 5,
        stock: [150, 120, 100],
    },
];

/// What a model of a kind costs: ending in 90 cents, as prices do.
fn price(cents: i64, dearer: &[i64]) -> i64 {
    let dear = dearer.iter().fold(cents, |cents, percent| cents * (100 + percent) / 100);
    dear / 100 * 100 + 90
}

/// Everything.
pub(crate) fn all() -> Vec<Good> {
    THINGS.iter().map(Thing::good).chain(FAMILIES.iter().flat_map(Family::goods)).collect()
}

impl Thing {
    fn good(&self) -> Good {
        Good {
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            sku: self.sku.to_owned(),
            category: "Favourites",
            tax_category: "standard",
            weight_grams: 400,
            variants: self
                .variants
                .iter()
                .map(|(end, title, cents)| ((*end).to_owned(), (*title).to_owned(), *cents))
                .collect(),
            stock: [self.stock, 0, 0],
        }
    }
}

impl Family {
    fn goods(&self) -> impl Iterator<Item = Good> {
        self.kinds.iter().flat_map(|kind| MODELS.iter().take(self.models).map(|model| self.good(kind, model)))
    }

    fn good(
        &self,
        (end, thing, good_for, cents): &(&str, &str, &str, i64),
        (model, said, dearer): &(&str, &str, i64),
    ) -> Good {
        let variant = |(end, title, more): &(&str, &str, i64)| {
            ((*end).to_owned(), (*title).to_owned(), price(*cents, &[*dearer, *more]))
        };
        Good {
            title: format!("{model} {thing}"),
            description: format!("{good_for} {said}"),
            sku: format!("{}-{end}-{}", self.sku, model.to_uppercase()),
            category: self.category,
            tax_category: self.tax_category,
            weight_grams: self.weight_grams,
            variants: self.by.variants().iter().map(variant).collect(),
            stock: self.stock,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_over_two_hundred_things_and_no_sku_or_title_is_there_twice() {
        let all = all();
        let skus = all.iter().flat_map(|good| good.variants.iter().map(|(end, ..)| format!("{}-{end}", good.sku)));
        let skus: Vec<String> = skus.collect();
        assert!(all.len() >= 200, "{} products", all.len());
        assert!(FAMILIES.len() >= 12, "{} families", FAMILIES.len());
        let tree = CATEGORIES.iter().flat_map(|(top, below)| [*top].into_iter().chain(below.iter().copied()));
        let tree: BTreeSet<&str> = tree.collect();
        assert!(all.iter().all(|good| tree.contains(good.category)), "each is in a category of the tree");
        assert_eq!(skus.iter().collect::<BTreeSet<_>>().len(), skus.len());
        assert_eq!(all.iter().map(|good| &good.title).collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().flat_map(|good| &good.variants).all(|(_, _, cents)| *cents > 0));
    }

    #[test]
    fn prices_end_as_prices_do() {
        assert_eq!([price(14_900, &[0, 0]), price(14_900, &[10, 20]), price(890, &[-10, 0])], [14_990, 19_690, 890]);
    }
}
