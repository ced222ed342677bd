//! WebFinger queries and the handle that they name.

use kez_core::webfinger::Query;
use kez_core::{Handle, ServerName};
use serde::Deserialize;

use super::{each, refused, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    server: String,
    public_url: String,
    query: String,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    handle: Option<String>,
    rels: Option<Vec<String>>,
}

impl Case {
    fn handle(&self, query: &Query) -> Result<Option<Handle>, String> {
        let server: ServerName = self.server.parse().map_err(|_| "the server's name is malformed")?;
        Ok(query.handle(&server, &self.public_url))
    }
}

pub(crate) fn valid() {
    each("webfinger/valid", |case: Case| {
        let query = Query::parse(&case.query).map_err(|problem| problem.to_string())?;
        same("handle", &case.handle(&query)?.map(|handle| handle.to_string()), &case.expect.handle)?;
        same("rels", &Some(query.rels), &case.expect.rels)
    });
}

pub(crate) fn invalid() {
    each("webfinger/invalid", |case: Case| match (Query::parse(&case.query), case.expect.code.as_deref()) {
        (Ok(query), Some("not_found")) => same("handle", &case.handle(&query)?, &None),
        (result, Some(code)) => refused(result, code).map(|_| ()),
        (_, None) => Err("no code is expected".into()),
    });
}
