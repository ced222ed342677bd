//! The limit program of the benchmarks: axum, serving given bytes from memory, and nothing else.
//!
//! `bare_axum FILE CONTENT-TYPE` prints the port it listens on and serves the file at `/v1/u/{handle}` and at
//! `/.well-known/webfinger`.

use std::io::Write as _;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let body = Bytes::from(std::fs::read(arguments.next().ok_or("the file is missing")?)?);
    let content_type = arguments.next().ok_or("the content type is missing")?;
    let answer = move || ([(CONTENT_TYPE, content_type.clone())], body.clone());
    let by_handle = answer.clone();
    let router = Router::new()
        .route("/v1/u/{handle}", get(async move |Path(_): Path<String>| by_handle()))
        .route("/.well-known/webfinger", get(async move || answer()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    axum::serve(listener, router).await?;
    Ok(())
}
