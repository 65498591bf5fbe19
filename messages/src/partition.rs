//! Which partition a key lives in.
//!
//! The function is the server's: `{{partition(n,1)}}` of nats-server hashes the bytes of the token with FNV-1a of 32 bits
//! and takes the remainder. Ours must agree with it for ever, because a client may go either way.

/// The partition of a key, given as the token it is in the subject ([`crate::token::of`]). One partition if `partitions`
/// is zero.
pub fn of(token: &str, partitions: u32) -> u32 {
    fnv1a(token.as_bytes()) % partitions.max(1)
}

fn fnv1a(bytes: &[u8]) -> u32 {
    const OFFSET_BASIS: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    bytes.iter().fold(OFFSET_BASIS, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What nats-server 2.15.1 answered for `{{partition(8,1)}}`, `{{partition(3,1)}}` and `{{partition(1000,1)}}`.
    const MEASURED: &[(&str, u32, u32, u32)] = &[
        ("a", 4, 1, 220),
        ("order", 7, 2, 671),
        ("ord_42", 3, 0, 771),
        ("prd_01h455vb4pex5vsknk084sn02q", 2, 0, 114),
        ("wh_01h455vb4pex5vsknk084sn02q", 3, 0, 19),
        ("SHIRT-RED-M", 3, 0, 699),
        ("SHIRT~RED", 6, 1, 574),
        ("0", 7, 0, 63),
        ("Z", 5, 0, 125),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789", 1, 1, 9),
        ("ord_00000000000000000000000000", 5, 1, 461),
        ("ord_7zzzzzzzzzzzzzzzzzzzzzzzzz", 4, 2, 308),
    ];

    #[test]
    fn a_key_lives_where_the_server_says() {
        for &(token, of_8, of_3, of_1000) in MEASURED {
            assert_eq!((of(token, 8), of(token, 3), of(token, 1000)), (of_8, of_3, of_1000), "{token}");
            assert_eq!(of(token, 1), 0);
            assert_eq!(of(token, 0), 0);
        }
    }
}
