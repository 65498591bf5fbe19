//! Words: how texts become what is compared, and what was asked for.

use super::text::Wanted;

/// The words of a text, without case, accents and what stands between them.
pub(super) fn words(text: &str) -> Vec<String> {
    let folded = deunicode::deunicode(text).to_lowercase();
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A SKU as it is compared: whole.
pub(super) fn whole(sku: &str) -> String {
    deunicode::deunicode(sku).to_lowercase()
}

/// What was asked for. A word with dashes may be a SKU or several words; words that mean the same stand together.
pub(super) fn wanted<'a>(text: &str, synonyms: impl Iterator<Item = &'a Vec<Vec<String>>> + Clone) -> Vec<Wanted> {
    let mut asked: Vec<Wanted> = Vec::new();
    let mut plain: Vec<String> = Vec::new();
    for part in text.split_whitespace() {
        let parts = words(part);
        if parts.len() > 1 && part.contains(['-', '.', '_']) {
            group(&std::mem::take(&mut plain), synonyms.clone(), &mut asked);
            asked.push(Wanted { words: vec![whole(part)], others: vec![parts] });
        } else {
            plain.extend(parts);
        }
    }
    group(&plain, synonyms, &mut asked);
    asked
}

/// Takes the longest run of words that means the same as something, again and again.
fn group<'a>(words: &[String], synonyms: impl Iterator<Item = &'a Vec<Vec<String>>> + Clone, asked: &mut Vec<Wanted>) {
    let mut rest = words;
    while let Some((first, after)) = rest.split_first() {
        let begins = |phrase: &&Vec<String>| !phrase.is_empty() && rest.starts_with(phrase);
        let longest = synonyms.clone().flatten().filter(begins).max_by_key(|phrase| phrase.len());
        let Some(phrase) = longest else {
            asked.push(Wanted { words: vec![first.clone()], others: Vec::new() });
            rest = after;
            continue;
        };
        let alike = synonyms.clone().filter(|alike| alike.contains(phrase)).flatten();
        let mut others: Vec<Vec<String>> = alike.filter(|other| *other != phrase).cloned().collect();
        others.sort();
        others.dedup();
        asked.push(Wanted { words: phrase.clone(), others });
        rest = &rest[phrase.len()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, synonyms: &[&[&str]]) -> String {
        let phrases = |set: &&[&str]| set.iter().map(|phrase| words(phrase)).collect();
        let synonyms: Vec<Vec<Vec<String>>> = synonyms.iter().map(phrases).collect();
        let one = |wanted: Wanted| {
            let others: Vec<_> = wanted.others.iter().map(|words| words.join(" ")).collect();
            std::iter::once(wanted.words.join(" ")).chain(others).collect::<Vec<_>>().join("|")
        };
        wanted(text, synonyms.iter()).into_iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn words_are_without_case_and_accents() {
        assert_eq!(words("Größe L, été!"), ["grosse", "l", "ete"]);
    }

    #[test]
    fn what_means_the_same_stands_together() {
        assert_eq!(shown("Red T shirt", &[]), "red, t, shirt");
        assert_eq!(shown("Red T shirt", &[&["tee", "t shirt"], &["tee", "top"]]), "red, t shirt|tee");
        assert_eq!(shown("tee", &[&["tee", "t shirt"], &["tee", "top"]]), "tee|t shirt|top");
        assert_eq!(shown("SHIRT-RED blue", &[]), "shirt-red|shirt red, blue");
        assert_eq!(shown(" ... ", &[]), "");
    }
}
