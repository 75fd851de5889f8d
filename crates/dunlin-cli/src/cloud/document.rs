//! Documents of the services, which are JSON, as lines of our own.

use serde::de::IgnoredAny;

use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::json::Object;

/// JSON without the white space between its parts; `None`: it is none.
pub(super) fn compact(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let (mut is_string, mut is_escaped) = (false, false);
    let keep = |character: &char| {
        let keeps = is_string || !character.is_ascii_whitespace();
        match character {
            '"' if !is_escaped => is_string = !is_string,
            _ => {}
        }
        is_escaped = is_string && *character == '\\' && !is_escaped;
        keeps
    };
    Some(text.chars().filter(keep).collect())
}

/// Adds a document under `name`; what is no JSON as the text it is.
pub(super) fn with_document(object: Object, name: &str, document: &str) -> Object {
    match compact(document) {
        Some(json) => object.plain(name, json),
        None => object.text(name, document),
    }
}

/// What the device reports: a JSON object.
pub(super) fn checked(text: &str) -> Result<String, Failure> {
    let object = compact(text).filter(|json| json.starts_with('{'));
    object.ok_or_else(|| {
        Failure::new(ExitCode::Usage, "what is reported must be a JSON object")
            .with_hint("quote it for the shell: '{\"fan\":\"on\"}'")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_and_strings_stay() {
        let text = "{ \"a b\" : [ 1 ,\n 2.50 ] ,\t\"c\\\" d\\\\\" : \" e \" }";
        assert_eq!(compact(text).as_deref(), Some(r#"{"a b":[1,2.50],"c\" d\\":" e "}"#));
        for wrong in ["", "{", "on", "{} {}"] {
            assert_eq!(compact(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_reported_is_an_object() {
        assert_eq!(checked(" {\"fan\": 1}").unwrap(), r#"{"fan":1}"#);
        assert!(checked("[1]").is_err() && checked("fan=1").is_err());
    }
}
