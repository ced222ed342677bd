//! `/docs`: the JSON API for people, from the same document that programs read; and the meaning of every problem.

use std::sync::Arc;

use kez_core::Code;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::Missing;
use super::about::About;
use crate::backend::{Backend, Operation};
use crate::reply::{Outcome, report};

/// The API's operations and problems.
#[component]
pub fn Docs() -> AnyView {
    let backend = expect_context::<Arc<dyn Backend>>();
    let operations = backend.operations();
    let contents = operations.iter().map(|operation| {
        view! { <li><a href=format!("#{}", anchor(operation))><code>{title(operation)}</code></a></li> }
    });
    view! {
        <About title="API" description="The JSON API of this server: registering, looking up, verifying and releasing handles." />
        <section class="lead">
            <h1>"The API"</h1>
            <p>
                "JSON over HTTP, open to pages of every origin, without keys or cookies: what is written is signed. Programs read "
                <a href="/v1/openapi.json">"/v1/openapi.json"</a> " (OpenAPI 3.1)."
            </p>
        </section>
        <nav class="card docs" aria-label="Operations"><ul>{contents.collect_view()}</ul></nav>
        {operations.iter().map(section).collect_view()}
        <section class="card docs" aria-labelledby="problems">
            <h2 id="problems">"Problems"</h2>
            <p>
                "Whatever goes wrong is answered as " <code>"application/problem+json"</code>
                " (RFC 9457). The set of codes is closed; " <code>"detail"</code> " says what to do. Any request may be refused with "
                <code>"invalid_request"</code> ", " <code>"uri_too_long"</code> ", " <code>"headers_too_large"</code> ", "
                <code>"unsupported_media_type"</code> ", " <code>"rate_limited"</code> ", " <code>"unavailable"</code> " or "
                <code>"internal"</code> ", and one that reads with " <code>"precondition_failed"</code>
                "; whoever has an answer already gets " <code>"304"</code> "."
            </p>
            <dl>
                {Code::ALL
                    .iter()
                    .map(|code| view! { <dt id=code.as_str()><code>{code.as_str()}</code></dt><dd>{code.title()}"."</dd> })
                    .collect_view()}
            </dl>
        </section>
    }
    .into_any()
}

/// `/problems/:code`, which every problem names as its type: leads to where it is explained.
#[component]
pub fn Problem() -> AnyView {
    let code = use_params_map().with_untracked(|params| params.get("code"));
    match code.and_then(|code| Code::from_text(&code)) {
        Some(code) => {
            report(Outcome::Moved(format!("/docs#{code}")));
            view! { <About title=code.title() description="This problem is explained in the API's documentation." /> }
                .into_any()
        }
        None => Missing().into_any(),
    }
}

fn title(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

fn anchor(operation: &Operation) -> String {
    let path = operation.path.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    format!("{}{path}", operation.method.to_ascii_lowercase())
}

fn section(operation: &Operation) -> impl IntoView + use<> {
    let id = anchor(operation);
    let parameters = operation.parameters.iter().map(|parameter| {
        view! { <dt><code>{parameter.name.clone()}</code>" in the "{parameter.place}</dt><dd>{marked(&parameter.description)}</dd> }
    });
    let parameters = parameters.collect_view();
    let answers = operation.answers.iter().map(|(status, description)| {
        view! { <dt><code>{status.clone()}</code></dt><dd>{marked(description)}</dd> }
    });
    view! {
        <section class="card docs" aria-labelledby=id.clone()>
            <h2 id=id.clone()><code>{title(operation)}</code></h2>
            <p>{marked(&operation.summary)}</p>
            {operation.description.as_deref().map(|text| view! { <p class="quiet">{marked(text)}</p> })}
            {(!operation.parameters.is_empty()).then_some(view! { <h3>"Parameters"</h3><dl>{parameters}</dl> })}
            <h3>"Answers"</h3>
            <dl>{answers.collect_view()}</dl>
        </section>
    }
}

/// The one mark that descriptions use: code between backticks.
fn marked(text: &str) -> Vec<AnyView> {
    let parts = text.split('`').map(str::to_owned).enumerate();
    parts.map(|(i, part)| if i % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }).collect()
}
