//! Why a campaign or a code does not apply: a slug for machines, a sentence for people.

use crate::wire::Money;

/// Why something does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nobody ever gave out such a code.
    #[error("There is no such coupon.")]
    CouponUnknown,
    /// Somebody disabled it.
    #[error("The coupon is no longer valid.")]
    CouponDisabled,
    /// It is not yet time.
    #[error("The coupon is not valid yet.")]
    CouponNotStarted,
    /// Its time is over.
    #[error("The coupon has expired.")]
    CouponExpired,
    /// The code was used as often as it may be.
    #[error("The coupon has been used up.")]
    CouponExhausted,
    /// What the code is for applies without it.
    #[error("This needs no coupon.")]
    CouponNotNeeded,
    /// The campaign is not in force.
    #[error("This promotion is not running.")]
    CampaignNotActive,
    /// The campaign was used as often as it may be.
    #[error("This promotion has been used up.")]
    CampaignExhausted,
    /// The customer used the campaign or the coupon as often as they may.
    #[error("You have already used this as often as possible.")]
    CustomerLimitReached,
    /// The campaign cannot pay for it any more.
    #[error("This promotion has been used up.")]
    BudgetExhausted,
    /// The lines add up to too little.
    #[error("Another {missing} are needed.")]
    BelowMinimum {
        /// How much is missing.
        missing: Money,
    },
    /// Something must be bought that is not, or not often enough.
    #[error("Another {missing} of the promoted items are needed.")]
    ItemsMissing {
        /// How many units are missing.
        missing: u64,
    },
    /// It is for others.
    #[error("This promotion is for another group of customers.")]
    NotInCustomerGroup,
    /// It is for new customers.
    #[error("This promotion is for first orders.")]
    NotFirstOrder,
    /// It says nothing about this currency.
    #[error("This promotion does not cover this currency.")]
    CurrencyNotCovered,
    /// There is nothing that it could be taken off, or nothing left.
    #[error("There is nothing that this could be taken off.")]
    NothingToDiscount,
    /// Another one of its group takes more off.
    #[error("“{title}” is the better deal.")]
    BetterDeal {
        /// What customers read about the other.
        title: String,
    },
    /// One that goes first does not go with it.
    #[error("It cannot be combined with “{with}”.")]
    NotCombinable {
        /// What customers read about the one that applies.
        with: String,
    },
    /// Another code brought the same campaign.
    #[error("The same promotion applies already.")]
    AlreadyApplied,
}

impl Reason {
    /// The slug.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Reason::CouponUnknown => "coupon_unknown",
            Reason::CouponDisabled => "coupon_disabled",
            Reason::CouponNotStarted => "coupon_not_started",
            Reason::CouponExpired => "coupon_expired",
            Reason::CouponExhausted => "coupon_exhausted",
            Reason::CouponNotNeeded => "coupon_not_needed",
            Reason::CampaignNotActive => "campaign_not_active",
            Reason::CampaignExhausted => "campaign_exhausted",
            Reason::CustomerLimitReached => "customer_limit_reached",
            Reason::BudgetExhausted => "budget_exhausted",
            Reason::BelowMinimum { .. } => "below_minimum",
            Reason::ItemsMissing { .. } => "items_missing",
            Reason::NotInCustomerGroup => "not_in_customer_group",
            Reason::NotFirstOrder => "not_first_order",
            Reason::CurrencyNotCovered => "currency_not_covered",
            Reason::NothingToDiscount => "nothing_to_discount",
            Reason::BetterDeal { .. } => "better_deal",
            Reason::NotCombinable { .. } => "not_combinable",
            Reason::AlreadyApplied => "already_applied",
        }
    }
}
