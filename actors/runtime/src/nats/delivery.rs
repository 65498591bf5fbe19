//! A delivery: where in its stream and in its consumer a message stands, read from its reply subject.

use jiff::Timestamp;

/// What `$JS.ACK.…` tells of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery {
    /// How many times this message was delivered, this time included.
    pub(super) deliveries: u64,
    /// Its sequence in the stream.
    pub(super) stream_sequence: u64,
    /// Its sequence in the consumer: dense, so a gap is a loss.
    pub(super) consumer_sequence: u64,
    /// When it was stored.
    pub(super) at: Timestamp,
}

impl Delivery {
    /// Reads both layouts: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<nanos>.<pending>`, and
    /// the one with domain and account hash before the stream. Nothing is allocated: a replay does this a million times.
    pub(super) fn parse(reply: &str) -> Option<Delivery> {
        let rest = reply.strip_prefix("$JS.ACK.")?;
        // Seven tokens, or nine and more.
        let to_skip = if rest.bytes().filter(|byte| *byte == b'.').count() == 6 { 2 } else { 4 };
        let mut tokens = rest.split('.').skip(to_skip);
        let mut number = || tokens.next()?.parse::<u64>().ok();
        let (deliveries, stream_sequence, consumer_sequence) = (number()?, number()?, number()?);
        let at = Timestamp::from_nanosecond(number()?.into()).ok()?;
        Some(Delivery { deliveries, stream_sequence, consumer_sequence, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_of_an_ack_subject_are_read() {
        let at = Timestamp::from_nanosecond(1_763_700_000_123_456_789).unwrap();
        let want = Some(Delivery { deliveries: 2, stream_sequence: 41, consumer_sequence: 7, at });
        for reply in [
            "$JS.ACK.ORDER.cart-3.2.41.7.1763700000123456789.5",
            "$JS.ACK._.Ad3Ft.ORDER.cart-3.2.41.7.1763700000123456789.5",
            "$JS.ACK.hub.Ad3Ft.ORDER.cart-3.2.41.7.1763700000123456789.5.r4nd",
        ] {
            assert_eq!(Delivery::parse(reply), want, "{reply}");
        }
    }

    #[test]
    fn anything_else_is_not_a_delivery() {
        for reply in ["", "_INBOX.x.y", "$JS.ACK.ORDER.cart-3", "$JS.ACK.ORDER.cart-3.x.41.7.1.5"] {
            assert_eq!(Delivery::parse(reply), None, "{reply}");
        }
    }
}
