//! What an operation answers when it does not do what it was asked for.

use std::collections::BTreeMap;

use http::StatusCode;
use kez_core::Code;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::formats::constant;
use crate::problem::status;

/// Answers by their status.
pub type Answers = BTreeMap<String, RefOr<Response>>;

/// What any request may be refused for, before or instead of being looked at.
const ALWAYS: [Code; 7] = [
    Code::InvalidRequest,
    Code::UriTooLong,
    Code::UnsupportedMediaType,
    Code::RateLimited,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::Unavailable,
];

/// What an envelope may be refused for, whatever it says.
const ENVELOPE: [Code; 8] = [
    Code::PayloadTooLarge,
    Code::MalformedJson,
    Code::MalformedEnvelope,
    Code::UnsupportedAlg,
    Code::MalformedKey,
    Code::BadSignature,
    Code::WrongServer,
    Code::StaleTimestamp,
];

/// Makes a type of this name that stands for all refusals of an operation, for `responses(…)`: the kind of operation
/// (`of_read`, `of_write`, `of_envelope` or `of_own_envelope`), and the codes that only some operations have.
#[macro_export]
macro_rules! refusals {
    ($name:ident, $kind:ident $(, $code:ident)*) => {
        struct $name;

        impl $crate::openapi::IntoResponses for $name {
            fn responses() -> $crate::openapi::Answers {
                $crate::openapi::$kind(&[$($crate::openapi::Code::$code),*])
            }
        }
    };
}

/// The refusals of what writes.
#[must_use]
pub fn of_write(codes: &[Code]) -> Answers {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in codes.iter().chain(&ALWAYS) {
        let codes = by_status.entry(status(*code).as_u16()).or_default();
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), RefOr::T(refusal(status, &codes)))).collect()
}

/// The refusals of what takes an envelope.
#[must_use]
pub fn of_envelope(codes: &[Code]) -> Answers {
    of_write(&[&ENVELOPE, codes].concat())
}

/// The refusals of what takes an envelope that says who signs it, and takes it once.
#[must_use]
pub fn of_own_envelope(codes: &[Code]) -> Answers {
    of_envelope(&[&[Code::KeyMismatch, Code::Replayed], codes].concat())
}

/// The refusals of what reads, and what somebody gets who has the answer already (RFC 9110 section 13).
#[must_use]
pub fn of_read(codes: &[Code]) -> Answers {
    let mut answers = of_write(&[codes, &[Code::PreconditionFailed]].concat());
    let known = ResponseBuilder::new().description("The client has it, by the tag in `If-None-Match`.").build();
    answers.insert(StatusCode::NOT_MODIFIED.as_str().to_owned(), RefOr::T(known));
    answers
}

fn refusal(status: u16, codes: &[Code]) -> Response {
    let names = codes.iter().map(|code| code.as_str());
    let description: Vec<_> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let narrowed = ObjectBuilder::new()
        .property("status", constant(status))
        .property("code", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)));
    let problem = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(narrowed);
    let response = ResponseBuilder::new()
        .description(description.join(", "))
        .content("application/problem+json", ContentBuilder::new().schema(Some(problem)).build());
    match codes {
        [Code::RateLimited | Code::Unavailable, ..] => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            response.header("Retry-After", header(seconds, "Seconds to wait.")).build()
        }
        [Code::Unauthorized, ..] => {
            let scheme = constant("Bearer");
            response.header("WWW-Authenticate", header(scheme, "What is wanted in `Authorization`.")).build()
        }
        _ => response.build(),
    }
}

fn header(schema: impl Into<RefOr<utoipa::openapi::Schema>>, description: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_by_their_status() {
        let answers = of_read(&[Code::NotFound, Code::InvalidResource, Code::InvalidRequest]);
        assert_eq!(
            answers.keys().collect::<Vec<_>>(),
            ["304", "400", "404", "412", "414", "415", "429", "431", "500", "503"]
        );
        let RefOr::T(bad_request) = &answers["400"] else { panic!("it is here") };
        assert!(bad_request.description.starts_with("`invalid_resource`, `invalid_request`"));
        assert!(!of_write(&[]).contains_key("412"));
    }
}
