//! Texts with `{{name}}` in them.

use zeroize::Zeroizing;

/// The text with every name's value in its place.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> Zeroizing<String> {
    // As long as it can get, so that growing leaves no copies of secrets behind.
    let most = template.len() + values.iter().map(|(_, value)| value.len() * 4).sum::<usize>();
    let mut text = Zeroizing::new(String::with_capacity(most));
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
        text.push_str(before);
        text.push_str(value);
        debug_assert!(values.iter().any(|(known, _)| *known == name), "nothing is known as {name}");
        rest = behind;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_values() {
        assert_eq!(*fill("a {{x}}{{y}} {{x}}.", &[("x", "1"), ("y", "")]), "a 1 1.");
        assert_eq!(*fill("{ none }", &[]), "{ none }");
    }
}
