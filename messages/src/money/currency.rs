//! The currencies of ISO 4217 that something can be priced in, and how many decimals their minor units make.
//!
//! Precious metals, bond units, test codes and withdrawn currencies are not here: no price is in them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Error;

/// A currency that exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Two decimals unless said otherwise, as ISO 4217 has it.
const TWO_DECIMALS: &str = "\
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE \
    CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR \
    KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB \
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY \
    TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";
const FOUR_DECIMALS: &str = "CLF UYW";

const COUNT: usize = (TWO_DECIMALS.len() + 1) / 4
    + (NO_DECIMALS.len() + 1) / 4
    + (THREE_DECIMALS.len() + 1) / 4
    + (FOUR_DECIMALS.len() + 1) / 4;

/// Every currency with its decimals, sorted by code.
const TABLE: [([u8; 3], u32); COUNT] = {
    let mut table = [([0; 3], 0); COUNT];
    let groups = [(TWO_DECIMALS, 2), (NO_DECIMALS, 0), (THREE_DECIMALS, 3), (FOUR_DECIMALS, 4)];
    let mut filled = 0;
    let mut group = 0;
    while group < groups.len() {
        let (codes, decimals) = (groups[group].0.as_bytes(), groups[group].1);
        let mut at = 0;
        while at < codes.len() {
            // Insertion keeps the table sorted, so that a code is found by halving.
            let code = [codes[at], codes[at + 1], codes[at + 2]];
            let mut place = filled;
            while place > 0 && is_before(code, table[place - 1].0) {
                table[place] = table[place - 1];
                place -= 1;
            }
            table[place] = (code, decimals);
            filled += 1;
            at += 4;
        }
        group += 1;
    }
    table
};

const fn is_before(left: [u8; 3], right: [u8; 3]) -> bool {
    let [a, b, c] = left;
    let [x, y, z] = right;
    a < x || a == x && (b < y || b == y && c < z)
}

impl Currency {
    /// Reads a code, in capitals.
    pub fn parse(code: &str) -> Result<Currency, Error> {
        let code: [u8; 3] = code.as_bytes().try_into().map_err(|_| Error::UnknownCurrency)?;
        match TABLE.binary_search_by_key(&code, |(known, _)| *known) {
            Ok(_) => Ok(Currency(code)),
            Err(_) => Err(Error::UnknownCurrency),
        }
    }

    /// Every currency, by code.
    pub fn all() -> impl Iterator<Item = Currency> {
        TABLE.iter().map(|(code, _)| Currency(*code))
    }

    /// How many decimals its minor units make: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u32 {
        // Only codes of the table become currencies.
        TABLE.binary_search_by_key(&self.0, |(known, _)| *known).map_or(2, |place| TABLE[place].1)
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("codes are ASCII")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Currency {
    type Err = Error;

    fn from_str(code: &str) -> Result<Currency, Error> {
        Currency::parse(code)
    }
}

impl TryFrom<String> for Currency {
    type Error = Error;

    fn try_from(code: String) -> Result<Currency, Error> {
        Currency::parse(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_code_twice() {
        assert!(TABLE.is_sorted_by(|left, right| left.0 < right.0));
        assert!(TABLE.iter().all(|(code, _)| code.iter().all(u8::is_ascii_uppercase)));
        assert_eq!(TABLE.len(), 157);
    }

    #[test]
    fn a_currency_knows_its_decimals() {
        for (code, decimals) in [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("HUF", 2), ("ISK", 0)] {
            assert_eq!(Currency::parse(code).map(Currency::decimals), Ok(decimals), "{code}");
        }
        for code in ["", "EU", "EURO", "eur", "XXX", "XAU", "BGN", "ÄÖ"] {
            assert_eq!(Currency::parse(code), Err(Error::UnknownCurrency), "{code}");
        }
    }
}
