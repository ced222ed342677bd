use axum::Extension;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// A server's document as JSON, which is known only once all its routes are.
#[derive(Clone, Debug)]
pub struct Document(Bytes);

impl Document {
    /// What gives a document to its handler. What has one value only is a `const`, which the library has no word for.
    ///
    /// # Panics
    /// Never: a document is made of strings, numbers and lists.
    pub fn extension(document: &OpenApi) -> Extension<Document> {
        let mut document = serde_json::to_value(document).expect("a document's members have names");
        name_constants(&mut document);
        Extension(Document(document.to_string().into()))
    }
}

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

fn name_constants(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some([only]) = members.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
                let only = only.clone();
                members.remove("enum");
                members.insert("const".to_owned(), only);
            }
            members.values_mut().for_each(name_constants);
        }
        Value::Array(items) => items.iter_mut().for_each(name_constants),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_value_is_a_constant() {
        let mut schema = json!({"oneOf": [{"type": "string", "enum": ["a"]}, {"enum": [1, 2]}]});
        name_constants(&mut schema);
        assert_eq!(schema, json!({"oneOf": [{"type": "string", "const": "a"}, {"enum": [1, 2]}]}));
    }
}
