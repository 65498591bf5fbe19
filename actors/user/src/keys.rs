//! Keys: what is derived from the one secret that this group has. A log, a checkpoint or a backup without it tells neither
//! passwords nor addresses to somebody who tries them all.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use runtime::entropy::Entropy;

use crate::passkey::Answered;
use crate::wire::Id;

/// Bytes of a mark: enough that no two words of a shop share one by chance.
const MARK_BYTES: usize = 8;
/// The fewest and the most letters of the beginning of a word that it is found by.
const PREFIX_CHARS: std::ops::RangeInclusive<usize> = 2..=12;
/// The most marks of one person.
const MARKS_MAX: usize = 120;
/// Letters that are not mistaken for others when they are typed off paper. 32 of them: five bits each.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// How many recovery codes there are.
pub const RECOVERY_CODES: u8 = 10;

/// Keys for each use.
pub struct Keys {
    emails: [u8; 32],
    marks: [u8; 32],
    places: [u8; 32],
    tickets: [u8; 32],
    recovery: [u8; 32],
    seal: [u8; 32],
    challenges: [u8; 32],
    /// What passwords are hashed with beside their salt.
    pub(crate) pepper: [u8; 32],
}

impl Keys {
    /// The keys of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Keys {
        let key = |of: &str| blake3::derive_key(of, secret.as_bytes());
        // These words are for ever: with others, what is kept could not be compared any more.
        Keys {
            emails: key("mercat user e-mail v1"),
            marks: key("mercat user mark v1"),
            places: key("mercat user place v1"),
            tickets: key("mercat user ticket v1"),
            recovery: key("mercat user recovery v1"),
            seal: key("mercat user seal v1"),
            challenges: key("mercat user passkey challenge v1"),
            pepper: key("mercat user pepper v1"),
        }
    }

    /// The blind index of an address.
    #[must_use]
    pub fn email_id(&self, email: &Email) -> String {
        Id::derived("eml", blake3::keyed_hash(&self.emails, email.0.as_bytes()).as_bytes()).to_string()
    }

    /// What search finds somebody by: every word of these texts, and how it begins.
    #[must_use]
    pub fn marks(&self, texts: &[&str]) -> Vec<String> {
        let mut marks: Vec<String> = Vec::new();
        for word in texts.iter().flat_map(|text| words(text)) {
            let letters: Vec<char> = word.chars().collect();
            let mut begins: Vec<String> = PREFIX_CHARS
                .filter(|count| *count < letters.len())
                .map(|count| letters[..count].iter().collect())
                .collect();
            begins.push(word);
            marks.extend(begins.iter().map(|begin| self.mark(begin)));
        }
        marks.sort();
        marks.dedup();
        marks.truncate(MARKS_MAX);
        marks
    }

    /// The marks that somebody must have who is found by this text.
    #[must_use]
    pub fn wanted(&self, text: &str) -> Vec<String> {
        words(text).map(|word| self.mark(&word)).collect()
    }

    fn mark(&self, word: &str) -> String {
        hex(&blake3::keyed_hash(&self.marks, word.as_bytes()).as_bytes()[..MARK_BYTES])
    }

    /// A place that tries come from; nothing when nobody knows.
    #[must_use]
    pub fn place(&self, source: &str) -> String {
        if source.is_empty() {
            return String::new();
        }
        hex(&blake3::keyed_hash(&self.places, source.as_bytes()).as_bytes()[..MARK_BYTES])
    }

    /// A secret to be sent. The same for the same name: a request that is repeated sends the same one.
    #[must_use]
    pub fn ticket(&self, purpose: &str, name: &str) -> String {
        let print = blake3::keyed_hash(&self.tickets, format!("{purpose} {name}").as_bytes());
        URL_SAFE_NO_PAD.encode(&print.as_bytes()[..24])
    }

    /// What is kept of a secret that was sent.
    #[must_use]
    pub fn ticket_hash(&self, secret: &str) -> String {
        hex(&blake3::keyed_hash(&self.tickets, format!("kept {secret}").as_bytes()).as_bytes()[..16])
    }

    /// A challenge for these words that is good until this second: the second, chance, and what proves both ours.
    #[must_use]
    pub fn challenge(&self, words: &str, until: i64, entropy: &Entropy) -> Vec<u8> {
        let mut bytes = [&until.to_be_bytes()[..], &entropy.bytes::<16>()].concat();
        bytes.extend_from_slice(&self.of_challenge(words, &bytes));
        bytes
    }

    fn of_challenge(&self, words: &str, bytes: &[u8]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.challenges);
        let print = hasher.update(bytes).update(words.as_bytes()).finalize();
        print.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// The challenge that this answers, if it is one of ours, for these words, and good.
    #[must_use]
    pub fn answered(&self, words: &str, challenge: &[u8], now: Timestamp) -> Option<Answered> {
        let (bytes, proof) = challenge.split_last_chunk::<16>()?;
        let (until, chance) = bytes.split_first_chunk::<8>()?;
        let until = Timestamp::from_second(i64::from_be_bytes(*until)).ok()?;
        // BLAKE3 compares its hashes in a time that tells nothing.
        let is_ours = blake3::hash(proof) == blake3::hash(&self.of_challenge(words, bytes));
        if chance.len() != 16 || !is_ours || now >= until {
            return None;
        }
        Some(Answered { hash: hex(&blake3::hash(challenge).as_bytes()[..16]), until })
    }

    /// Fresh recovery codes: 60 bits each.
    #[must_use]
    pub fn recovery_codes(entropy: &Entropy) -> Vec<String> {
        let code = |_| {
            let letters = entropy.bytes::<12>().map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
            let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
            groups.join("-")
        };
        (0..RECOVERY_CODES).map(code).collect()
    }

    /// What is kept of a recovery code, however it was typed.
    #[must_use]
    pub fn recovery_hash(&self, code: &str) -> String {
        let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        hex(&blake3::keyed_hash(&self.recovery, plain.as_bytes()).as_bytes()[..16])
    }

    /// Seals a secret for somebody.
    #[must_use]
    pub fn seal(&self, user_id: &str, secret: &[u8], entropy: &Entropy) -> Option<String> {
        let nonce = entropy.bytes::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.seal).ok()?);
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_used, Aad::from(user_id.as_bytes()), &mut sealed).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for somebody.
    #[must_use]
    pub fn open(&self, user_id: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let mut sealed = sealed.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.seal).ok()?);
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        Some(key.open_in_place(nonce, Aad::from(user_id.as_bytes()), &mut sealed).ok()?.to_vec())
    }
}

/// An e-mail address, in the one spelling that it is compared in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address: something, an at sign, and a domain with a dot or `localhost`; no blanks.
    #[must_use]
    pub fn parse(text: &str) -> Option<Email> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@')?;
        let labels = domain.split('.');
        let plain = |label: &str| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-') && !label.starts_with('-')
        };
        let good = (1..=64).contains(&local.len())
            && text.len() <= 254
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && (domain.contains('.') || domain == "localhost")
            && labels.clone().all(plain);
        good.then_some(Email(text))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= *PREFIX_CHARS.start());
    words.map(str::to_lowercase).collect::<Vec<_>>().into_iter()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::of("0123456789abcdef0123456789abcdef")
    }

    #[test]
    fn an_address_is_one_however_it_is_spelt() {
        let id = |text: &str| Email::parse(text).map(|email| keys().email_id(&email));
        assert_eq!(id("Ada@Example.COM "), id("ada@example.com"));
        assert_ne!(id("ada@example.com"), id("ada@example.org"));
        assert_ne!(id("ada@example.com"), Email::parse("ada@example.com").map(|e| Keys::of("another").email_id(&e)));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "a da@example.com",
            "ada@exa mple.com",
            "ada@.com",
            "a@b..c",
        ] {
            assert_eq!(Email::parse(bad), None, "{bad}");
        }
        for good in ["ada@localhost", "a+b@example.co.uk", "\"a@b\"@example.com", "ada@bücher.example"] {
            assert!(Email::parse(good).is_some(), "{good}");
        }
    }

    #[test]
    fn people_are_found_by_how_their_words_begin() {
        let keys = keys();
        let marks = keys.marks(&["Ada King-Lovelace", "ada@example.com"]);
        for (text, found) in [
            ("ada", true),
            ("AD", true),
            ("love", true),
            ("king lovelace", true),
            ("a", true),
            ("lace", false),
            ("adam", false),
        ] {
            assert_eq!(keys.wanted(text).iter().all(|mark| marks.contains(mark)), found, "{text}");
        }
        assert!(keys.wanted("a").is_empty(), "one letter is nothing to look for");
    }

    #[test]
    fn what_is_sealed_opens_for_its_owner_alone() {
        let (keys, entropy) = (keys(), Entropy::seeded(7));
        let sealed = keys.seal("ada", b"secret", &entropy).expect("sealed");
        assert_eq!(keys.open("ada", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(keys.open("eve", &sealed), None);
        assert_eq!(keys.open("ada", "c2VhbGVk"), None);
        assert_ne!(keys.seal("ada", b"secret", &entropy), Some(sealed));
    }

    #[test]
    fn a_recovery_code_may_be_typed_in_any_way() {
        let keys = keys();
        let codes = Keys::recovery_codes(&Entropy::seeded(7));
        assert_eq!(codes.len(), usize::from(RECOVERY_CODES));
        assert!(codes.iter().all(|code| code.len() == 14), "{codes:?}");
        let typed = codes[0].to_lowercase().replace('-', " ");
        assert_eq!(keys.recovery_hash(&typed), keys.recovery_hash(&codes[0]));
        assert_ne!(keys.recovery_hash(&codes[1]), keys.recovery_hash(&codes[0]));
    }

    #[test]
    fn a_secret_is_kept_as_something_else() {
        let keys = keys();
        let secret = keys.ticket("reset", "att_1");
        assert_eq!((secret.len(), secret == keys.ticket("reset", "att_1")), (32, true));
        assert_ne!(secret, keys.ticket("verification", "att_1"));
        assert_ne!(keys.ticket_hash(&secret), secret);
    }
}
