//! `/openapi.json`: the API described (OpenAPI 3.1), for programs that make clients, documentation, or attacks.

mod operations;

use crate::app::App;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use operations::OPERATIONS;
use serde_json::{Map, Value, json};

const SCHEMAS: &str = include_str!("openapi/schemas.json");

/// One method of one route.
struct Operation {
    method: &'static str,
    /// As the router has it; behind a question mark what may stand in the query.
    route: &'static str,
    tag: &'static str,
    summary: &'static str,
    body: &'static str,
    /// The status when it went well; 0: there are several.
    status: u16,
    answer: &'static str,
}

const fn op(
    method: &'static str,
    route: &'static str,
    tag: &'static str,
    summary: &'static str,
    body: &'static str,
    status: u16,
    answer: &'static str,
) -> Operation {
    Operation { method, route, tag, summary, body, status, answer }
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/openapi.json", get(document))
}

async fn document(State(app): State<App>) -> Json<Value> {
    Json(described(app.site.base_url()))
}

fn described(base_url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let (path, query) = operation.route.split_once('?').unwrap_or((operation.route, ""));
        let methods = paths.entry(path.replace("{*", "{")).or_insert_with(|| json!({}));
        methods[operation.method.to_ascii_lowercase()] = operation.shape(path, query);
    }
    // It is checked by a test of its own that this is JSON.
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Outlast", "version": env!("CARGO_PKG_VERSION"),
            "description": "Gitea's shapes, and below /outlast what only Outlast has. Errors have a message that says what to do.",
        },
        "servers": [{ "url": format!("{base_url}/api/v1") }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": "An access token." } },
        },
    })
}

fn schema(name: &str) -> Value {
    let one = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(name) => json!({ "type": "array", "items": one(name) }),
        None => one(name),
    }
}

impl Operation {
    fn shape(&self, path: &str, query: &str) -> Value {
        let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let in_path = named.map(|name| {
            let kind = if name == "id" {
                json!({ "type": "integer", "minimum": 0 })
            } else {
                json!({ "type": "string", "minLength": 1 })
            };
            json!({ "name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": kind })
        });
        let in_query = query.split(',').filter(|name| !name.is_empty()).map(|name| {
            let kind = match name {
                "after" | "before" | "from" => json!({ "type": "integer", "minimum": 0 }),
                "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
                "all" | "newest" => json!({ "type": "boolean" }),
                _ => json!({ "type": "string" }),
            };
            json!({ "name": name, "in": "query", "schema": kind })
        });
        let error = json!({ "description": "What went wrong", "content": { "application/json": { "schema": schema("Error") } } });
        let content = match self.answer {
            "" => None,
            "Bytes" => Some(json!({ "application/octet-stream": {} })),
            "Text" => Some(json!({ "text/plain": {} })),
            name => Some(json!({ "application/json": { "schema": schema(name) } })),
        };
        let mut well = json!({ "description": "Done" });
        if let Some(content) = content {
            well["content"] = content;
        }
        let mut answers = json!({ "default": error });
        match self.status {
            0 => answers["2XX"] = well,
            status => answers[status.to_string()] = well,
        }
        let mut shape = json!({
            "operationId": format!("{}{}", self.method.to_ascii_lowercase(), path.replace(['{', '}', '*'], "").replace('/', "-")),
            "tags": [self.tag], "summary": self.summary, "responses": answers,
            "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        });
        if !self.body.is_empty() {
            shape["requestBody"] = json!({ "content": { "application/json": { "schema": schema(self.body) } } });
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there_and_every_one_that_is_there_is_named() {
        let document = described("http://x");
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in schemas.keys() {
            assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is used nowhere");
        }
        for (_, named) in text.match_indices("#/components/schemas/").map(|(at, found)| text.split_at(at + found.len()))
        {
            let name = named.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "there is no schema {name}");
        }
    }
}
