//! Scopes: what a caller may do, as rpcs ask for it and tokens grant it. `<group>:read` and `<group>:write` are for owners
//! and staff, `<group>:manage` for staff, `<group>:internal` for groups.

/// What everybody may do with what is their own: shop, pay, and follow what they bought.
pub const GUEST: [&str; 11] = [
    "cart:read",
    "cart:write",
    "order:read",
    "order:write",
    "payment:read",
    "payment:write",
    "shipping:read",
    "promotion:read",
    "pricing:read",
    "notification:read",
    "notification:write",
];
