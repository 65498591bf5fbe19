//! Events: what is stored is what is published, so an event *is* the message of the contract.

/// An entity's events, each a message of the contract under its name on the wire.
macro_rules! recorded {
    ($(#[$doc:meta])* $Event:ident { $($(#[$what:meta])* $Variant:ident($Message:ident) = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $Event {
            $($(#[$what])* $Variant($crate::wire::v1::$Message),)*
        }

        impl runtime::entity::Recorded for $Event {
            fn record(&self) -> (&'static str, Vec<u8>) {
                match self {
                    $($Event::$Variant(event) => ($name, prost::Message::encode_to_vec(event)),)*
                }
            }

            fn recall(event_type: &str, data: &[u8]) -> Result<Self, runtime::entity::Undecodable> {
                let unreadable = |e: prost::DecodeError| runtime::entity::Undecodable::new(event_type, e);
                match event_type {
                    $($name => prost::Message::decode(data).map($Event::$Variant).map_err(unreadable),)*
                    _ => Err(runtime::entity::Undecodable::new(event_type, "not an event of this entity")),
                }
            }
        }

        impl $Event {
            /// Its name on the wire.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $($Event::$Variant(_) => $name,)*
                }
            }
        }
    };
}

pub(crate) use recorded;
