//! A server's OpenAPI document, and answers held against it.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::Value;

use crate::harness::{Answer, Server};

/// A problem that an operation names: `post /v1/register 409 handle_taken`.
pub(crate) type Named = String;

pub(crate) struct Document(pub(crate) Value);

impl Document {
    pub(crate) async fn of(server: &Server) -> Document {
        Document(server.get("/v1/openapi.json").await.json())
    }

    /// Asserts that an answer to `method template` is one that the document lists.
    pub(crate) fn check(&self, method: &str, template: &str, answer: &Answer) {
        let responses = &self.0["paths"][template][method]["responses"];
        assert!(responses.is_object(), "{method} {template} is not documented");
        let response = &responses[answer.status.to_string()];
        let place = format!("{method} {template} {}", answer.status);
        assert!(response.is_object(), "{place} is not documented: {}", String::from_utf8_lossy(&answer.bytes));
        assert!(!response["description"].as_str().unwrap_or_default().is_empty(), "{place}");
        let Some(content) = response.get("content") else {
            assert!(answer.bytes.is_empty(), "{place} has a body that is not documented");
            return;
        };
        let media_type = answer.header("content-type");
        let schema = &content[media_type]["schema"];
        assert!(schema.is_object(), "{place}: {media_type} is not documented");
        if media_type == "application/json" || media_type.ends_with("+json") {
            self.is_valid(&place, schema, &answer.json());
        }
    }

    fn is_valid(&self, place: &str, schema: &Value, body: &Value) {
        let mut schema = schema.clone();
        schema["components"] = self.0["components"].clone();
        let validator: Validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<_> = validator.iter_errors(body).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{place}: {errors:?} in {body}");
    }

    /// Whether a body that is sent conforms to what the operation takes.
    pub(crate) fn takes(&self, method: &str, template: &str, body: &[u8]) -> bool {
        let mut schema =
            self.0["paths"][template][method]["requestBody"]["content"]["application/json"]["schema"].clone();
        assert!(schema.is_object(), "{method} {template} takes nothing");
        schema["components"] = self.0["components"].clone();
        let validator: Validator = jsonschema::validator_for(&schema).expect("a schema");
        validator.is_valid(&serde_json::from_slice(body).expect("JSON"))
    }

    /// Every operation: its method, in small letters, and its template.
    pub(crate) fn operations(&self) -> Vec<(String, String)> {
        let paths = self.0["paths"].as_object().expect("paths");
        let of = |(template, item): (&String, &Value)| {
            let methods = item.as_object().expect("operations").keys();
            methods.map(|method| (method.clone(), template.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of).collect()
    }

    /// Every problem of the client's own that operations name.
    pub(crate) fn named(&self) -> BTreeSet<Named> {
        let of = |(method, template): (String, String)| {
            let responses = self.0["paths"][&template][&method]["responses"].as_object().expect("responses").clone();
            let refusals = responses.into_iter().filter(|(status, _)| status.starts_with('4'));
            refusals.flat_map(move |(status, response)| {
                let schema = &response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
                assert_eq!(schema["status"]["const"].to_string(), status, "{method} {template}");
                let codes = match schema["code"].get("enum") {
                    Some(codes) => codes.as_array().expect("codes").clone(),
                    None => vec![schema["code"]["const"].clone()],
                };
                let place = format!("{method} {template} {status}");
                codes
                    .into_iter()
                    .map(move |code| format!("{place} {}", code.as_str().expect("a code")))
                    .collect::<Vec<_>>()
            })
        };
        self.operations().into_iter().flat_map(of).collect()
    }
}
