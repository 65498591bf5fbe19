//! The kinds of ids and their prefixes: the registry. A prefix is never given twice and never changed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use uuid::Uuid;

use super::{Error, Id, base32, derive, fresh};

macro_rules! kinds {
    ($($(#[$doc:meta])* $Name:ident = $prefix:literal;)*) => {
        /// Every prefix.
        pub const PREFIXES: &[&str] = &[$($prefix),*];

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $Name(Uuid);

            impl $Name {
                /// What the ids of this kind begin with.
                pub const PREFIX: &'static str = $prefix;

                /// A fresh id.
                #[expect(clippy::new_without_default, reason = "a default is the same every time; this never is")]
                pub fn new() -> Self {
                    $Name(fresh())
                }

                /// The id that these bytes stand for: the same for the same bytes, for ever.
                pub fn derived(bytes: &[u8]) -> Self {
                    $Name(derive(Self::PREFIX, bytes))
                }

                /// Reads an id of this kind.
                pub fn parse(text: &str) -> Result<Self, Error> {
                    Id::parse_as(Self::PREFIX, text).map(|id| $Name(id.uuid()))
                }

                /// The UUID in it.
                pub fn uuid(&self) -> Uuid {
                    self.0
                }
            }

            impl fmt::Display for $Name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}_{}", Self::PREFIX, base32::encode(self.0.as_u128()).as_str())
                }
            }

            impl fmt::Debug for $Name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl std::str::FromStr for $Name {
                type Err = Error;

                fn from_str(text: &str) -> Result<Self, Error> {
                    Self::parse(text)
                }
            }

            impl From<$Name> for String {
                fn from(id: $Name) -> String {
                    id.to_string()
                }
            }

            impl From<$Name> for Id {
                fn from(id: $Name) -> Id {
                    Id { prefix: $Name::PREFIX.into(), uuid: id.0 }
                }
            }

            /// Text where people may read it, 16 bytes where only machines do.
            impl Serialize for $Name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    if serializer.is_human_readable() {
                        serializer.collect_str(self)
                    } else {
                        self.0.as_u128().serialize(serializer)
                    }
                }
            }

            impl<'de> Deserialize<'de> for $Name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    if deserializer.is_human_readable() {
                        let text = String::deserialize(deserializer)?;
                        Self::parse(&text).map_err(D::Error::custom)
                    } else {
                        u128::deserialize(deserializer).map(|bits| $Name(Uuid::from_u128(bits)))
                    }
                }
            }
        )*
    };
}

kinds! {
    /// A person with an account, or a guest.
    UserId = "usr";
    /// An address in the book of a person.
    AddressId = "adr";
    /// An e-mail address, by its blind index.
    EmailId = "eml";
    /// A try to show who one is.
    AttemptId = "att";
    /// A passkey of a person.
    PasskeyId = "pky";
    /// A session of a person.
    SessionId = "ses";
    /// An API key.
    KeyId = "key";
    /// An application that people let act for them.
    ClientId = "cli";
    /// What an application was granted.
    GrantId = "gnt";
    /// A code that an application exchanges for tokens.
    CodeId = "azc";
    /// A request that an application left for later.
    PushedId = "par";
    /// A device that waits to be let in.
    DeviceId = "dvc";
    /// A request to a group by itself.
    RequestId = "req";
    /// A product.
    ProductId = "prd";
    /// A category of products.
    CategoryId = "cat";
    /// A collection of products.
    CollectionId = "col";
    /// A list of prices.
    PriceListId = "prl";
    /// A warehouse.
    WarehouseId = "wh";
    /// Stock on its way between warehouses.
    TransferId = "trf";
    /// A hold on stock.
    ReservationId = "rsv";
    /// A cart.
    CartId = "cart";
    /// A priced basket.
    QuoteId = "quo";
    /// An order.
    OrderId = "ord";
    /// An invoice.
    InvoiceId = "inv";
    /// Goods that come back.
    ReturnId = "ret";
    /// A change of an order that is paid: an exchange or an edit.
    AmendmentId = "amd";
    /// A payment.
    PaymentId = "pay";
    /// A way to pay.
    PaymentMethodId = "pm";
    /// Money that goes back.
    RefundId = "rfd";
    /// A line of the ledger.
    TransactionId = "txn";
    /// A shipment.
    ShipmentId = "shp";
    /// A place that parcels are sent to at the same rates.
    ZoneId = "zon";
    /// A campaign of promotions.
    CampaignId = "cmp";
    /// A coupon.
    CouponId = "cpn";
    /// A use of promotions by one order.
    RedemptionId = "rdm";
    /// A review.
    ReviewId = "rvw";
    /// A message to a person.
    NotificationId = "ntf";
    /// A template of messages to people.
    TemplateId = "tpl";
    /// An address that is told what happens.
    EndpointId = "whe";
    /// A support ticket.
    TicketId = "tkt";
    /// A report.
    ReportId = "rpt";
    /// A long task.
    JobId = "job";
}
