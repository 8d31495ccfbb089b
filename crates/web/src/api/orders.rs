//! `/outlast/orders`, `/outlast/officers`, `/outlast/trash`: guarded acts. At the admin socket nobody is signed in, and it gives no
//! role: what needs an officer needs an officer's signature there too.

use super::shapes::time;
use super::{Named, repos};
use crate::Door;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use forge::keys::public_half;
use forge::orders::{DELAY_DEFAULT_US, FiledOrder, GUARDED, OfficerKey, OfficerRule, Wish};
use forge::site::Asked;
use forge::{Error, Principal, RepoName};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/outlast/orders", get(list).post(ask))
        .route("/outlast/orders/{id}", get(fetch))
        .route("/outlast/orders/{id}/body", get(body))
        .route("/outlast/orders/{id}/signed", get(signed))
        .route("/outlast/orders/{id}/list", get(erase_list))
        .route("/outlast/recovery-keys", post(recovery_keys))
        .route("/outlast/orders/{id}/signatures", post(sign))
        .route("/outlast/orders/{id}/veto", post(veto))
        .route("/outlast/officers", get(officers))
        .route("/outlast/officers/rule", post(rule_set))
        .route("/outlast/officers/{name}/roles", post(roles_set))
        .route("/outlast/officers/{name}/keys", post(key_add))
        .route("/outlast/officers/keys/{id}", delete(key_remove))
        .route("/outlast/trash", get(trash))
        .route("/outlast/trash/{id}/restore", post(restore))
        .route("/repos/{owner}/{name}", delete(repo_delete))
}

pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/officers/found", post(found))
}

/// Who asks: somebody with a token, or the operator at the machine (None), at the admin socket alone.
pub(super) struct Caller(pub(super) Option<Principal>);

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match (identity::of(app, &parts.headers).await?, parts.extensions.get::<Door>()) {
            (Some(who), _) => Ok(Self(Some(who))),
            (None, Some(Door::Admin)) => Ok(Self(None)),
            (None, _) => Err(ApiError::unauthenticated("this needs an access token: Authorization: Bearer olp_...")),
        }
    }
}

impl Caller {
    pub(super) fn who(&self) -> Option<&Principal> {
        self.0.as_ref()
    }
}

/// Done (200), or an order that waits (202).
pub(super) fn asked<T: serde::Serialize>(asked: Asked<T>) -> Response {
    match asked {
        Asked::Done(done) => Json(json!({ "done": done })).into_response(),
        Asked::Ordered(id) => {
            let message = format!("order {id} is filed: it waits for officers to sign it, and for its delay");
            (StatusCode::ACCEPTED, Json(json!({ "order": id, "message": message }))).into_response()
        }
    }
}

fn shape(filed: &FiledOrder, needed: u32) -> Value {
    let signature = |signature: &forge::orders::SignatureInfo| json!({ "officer": signature.name, "time": time(signature.signed_us), "counts": signature.counts });
    let signed = filed.signatures.iter().filter(|signature| signature.counts).count();
    let number = filed.order.act.number();
    json!({
        "id": filed.id, "state": filed.state.as_str(), "words": filed.order.words(),
        "act": GUARDED.iter().find(|guarded| guarded.number == number).map(|guarded| guarded.name),
        "requester": filed.requester, "created": time(filed.order.created_us),
        "not_before": time(filed.order.not_before_us), "expires": time(filed.order.expires_us),
        "hash": filed.hash.iter().map(|b| format!("{b:02x}")).collect::<String>(),
        "signed": signed, "needed": needed, "signatures": filed.signatures.iter().map(signature).collect::<Vec<_>>(),
        "closed": filed.closed_us.map(time), "closed_by": filed.closed_by, "reason": filed.reason,
    })
}

async fn needed(app: &App) -> Result<u32, ApiError> {
    Ok(app.site.officer_rule().await?.map_or(0, |rule| rule.needed))
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    all: bool,
    before: Option<u64>,
}

async fn list(State(app): State<App>, by: Caller, Query(which): Query<Which>) -> Result<Json<Value>, ApiError> {
    let orders = app.site.order_list(by.who(), !which.all, which.before).await?;
    let needed = needed(&app).await?;
    Ok(Json(orders.iter().map(|order| shape(order, needed)).collect()))
}

#[derive(Deserialize)]
struct WishBody {
    act: String,
    #[serde(default)]
    subject: String,
    #[serde(default, rename = "ref")]
    reference: String,
    #[serde(default)]
    to: String,
}

/// An act that is only ever done by an order, by its name in the list of guarded acts.
async fn ask(State(app): State<App>, by: Caller, Json(wish): Json<WishBody>) -> Result<Response, ApiError> {
    let wish = Wish { act: wish.act, subject: wish.subject, reference: wish.reference, to: wish.to };
    Ok(asked::<()>(Asked::Ordered(app.site.order_ask(by.who(), wish).await?)))
}

async fn fetch(State(app): State<App>, by: Caller, Path(id): Path<u64>) -> Result<Json<Value>, ApiError> {
    let order = app.site.order_fetch(by.who(), id).await?;
    Ok(Json(shape(&order, needed(&app).await?)))
}

/// The canonical bytes, for `outlast officer sign`.
async fn body(State(app): State<App>, by: Caller, Path(id): Path<u64>) -> Result<Response, ApiError> {
    let order = app.site.order_fetch(by.who(), id).await?;
    let file = format!("attachment; filename=\"order-{id}.cbor\"");
    let headers = [("content-type", "application/cbor".to_owned()), ("content-disposition", file)];
    Ok((headers, order.body).into_response())
}

/// The order with its officers' signatures, once it was carried out here: what is carried to each vault's owner.
async fn signed(State(app): State<App>, by: Caller, Path(id): Path<u64>) -> Result<Response, ApiError> {
    let order = app.site.order_signed(by.who(), id).await?;
    let file = format!("attachment; filename=\"order-{id}.signed\"");
    let headers = [("content-type", "text/plain; charset=utf-8".to_owned()), ("content-disposition", file)];
    Ok((headers, order.to_string()).into_response())
}

/// What an erasure erases: the list whose hash is in the order.
async fn erase_list(State(app): State<App>, by: Caller, Path(id): Path<u64>) -> Result<Response, ApiError> {
    let list = app.site.order_list_file(by.who(), id).await?;
    let file = format!("attachment; filename=\"order-{id}.list\"");
    let headers = [("content-type", "text/plain; charset=utf-8".to_owned()), ("content-disposition", file)];
    Ok((headers, list).into_response())
}

#[derive(Deserialize)]
struct WantedKeys {
    /// `recovery-public.txt` of each recovery key there is to be.
    keys: Vec<String>,
}

async fn recovery_keys(
    State(app): State<App>,
    by: Caller,
    Json(wanted): Json<WantedKeys>,
) -> Result<Response, ApiError> {
    let keys = wanted.keys.iter().map(|text| public_half(text)).collect::<Result<_, Error>>()?;
    Ok(asked::<()>(Asked::Ordered(app.site.recovery_keys_replace(by.who(), keys).await?)))
}

#[derive(Deserialize)]
struct Signed {
    /// The line that `outlast officer sign` prints.
    signature: Option<String>,
    /// What an authenticator answered, as a text in JSON.
    assertion: Option<String>,
    #[serde(default)]
    reason: String,
}

async fn sign(
    State(app): State<App>,
    by: Caller,
    Path(id): Path<u64>,
    Json(signed): Json<Signed>,
) -> Result<Json<Value>, ApiError> {
    let order = match (signed.signature, signed.assertion, by.who()) {
        (None, Some(assertion), Some(who)) => app.site.order_sign(who, id, &assertion).await?,
        (line, _, _) => app.site.order_line(by.who(), id, &line.unwrap_or_default(), &signed.reason).await?,
    };
    Ok(Json(shape(&order, needed(&app).await?)))
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

async fn veto(
    State(app): State<App>,
    by: Caller,
    Path(id): Path<u64>,
    Json(Reason { reason }): Json<Reason>,
) -> Result<Json<Value>, ApiError> {
    let order = app.site.order_veto(by.who(), id, &reason).await?;
    Ok(Json(shape(&order, needed(&app).await?)))
}

async fn officers(State(app): State<App>, by: Caller) -> Result<Json<Value>, ApiError> {
    let officers = app.site.officer_list(by.who()).await?;
    let rule = app.site.officer_rule().await?;
    let key =
        |key: &forge::orders::OfficerKeyInfo| json!({ "id": key.id, "name": key.name, "key": key.key.to_string() });
    let officer = |officer: &forge::orders::Officer| {
        let keys: Vec<_> = officer.keys.iter().map(key).collect();
        json!({ "name": officer.name, "keys": keys, "passkeys": officer.passkeys })
    };
    let rule = rule.map(|rule| json!({ "needed": rule.needed, "delay_seconds": rule.delay_us / 1_000_000 }));
    Ok(Json(json!({ "officers": officers.iter().map(officer).collect::<Vec<_>>(), "rule": rule })))
}

#[derive(Deserialize)]
struct WantedRule {
    needed: u32,
    delay_seconds: Option<i64>,
}

async fn rule_set(State(app): State<App>, by: Caller, Json(rule): Json<WantedRule>) -> Result<Response, ApiError> {
    let rule = OfficerRule { needed: rule.needed, delay_us: delay_us(rule.delay_seconds) };
    Ok(asked(app.site.officer_rule_set(by.who(), rule).await?))
}

#[derive(Deserialize)]
struct Founders {
    needed: u32,
    delay_seconds: Option<i64>,
    officers: Vec<Founder>,
}

#[derive(Deserialize)]
struct Founder {
    name: String,
    key: String,
}

/// The officers, their keys and their rule, in one act.
async fn found(State(app): State<App>, Json(wanted): Json<Founders>) -> Result<Json<Value>, ApiError> {
    let officer = |founder: Founder| Ok::<_, Error>((founder.name.parse()?, founder.key.parse()?));
    let officers = wanted.officers.into_iter().map(officer).collect::<Result<Vec<_>, _>>()?;
    let rule = OfficerRule { needed: wanted.needed, delay_us: delay_us(wanted.delay_seconds) };
    app.site.officers_found(officers, rule).await?;
    Ok(Json(json!({ "done": true })))
}

fn delay_us(seconds: Option<i64>) -> i64 {
    seconds.map_or(DELAY_DEFAULT_US, |seconds| seconds.saturating_mul(1_000_000))
}

#[derive(Deserialize)]
struct WantedRoles {
    officer: Option<bool>,
    operator: Option<bool>,
}

async fn roles_set(
    State(app): State<App>,
    by: Caller,
    Path(Named(name)): Path<Named>,
    Json(roles): Json<WantedRoles>,
) -> Result<Response, ApiError> {
    Ok(asked(app.site.roles_set(by.who(), &name, roles.officer, roles.operator).await?))
}

#[derive(Deserialize)]
struct WantedKey {
    key: String,
    #[serde(default)]
    name: String,
}

async fn key_add(
    State(app): State<App>,
    by: Caller,
    Path(Named(name)): Path<Named>,
    Json(wanted): Json<WantedKey>,
) -> Result<Response, ApiError> {
    let key = wanted.key.parse::<OfficerKey>().map_err(Error::from)?;
    Ok(asked(app.site.officer_key_add(by.who(), &name, &wanted.name, key).await?))
}

async fn key_remove(State(app): State<App>, by: Caller, Path(id): Path<u64>) -> Result<Response, ApiError> {
    Ok(asked::<()>(Asked::Ordered(app.site.officer_key_remove(by.who(), id).await?)))
}

async fn trash(State(app): State<App>, by: Caller) -> Result<Json<Value>, ApiError> {
    let trashed = app.site.trash_list(by.who()).await?;
    let shape = |item: &forge::orders::Trashed| {
        let (kind, deleted) = (item.kind.as_str(), time(item.trashed_us));
        json!({ "id": item.id, "kind": kind, "full_name": item.path, "deleted_at": deleted })
    };
    Ok(Json(trashed.iter().map(shape).collect()))
}

#[derive(Deserialize)]
struct Restored {
    name: Option<String>,
}

async fn restore(
    State(app): State<App>,
    by: Caller,
    Path(id): Path<u64>,
    Json(Restored { name }): Json<Restored>,
) -> Result<Json<Value>, ApiError> {
    let name = name.map(|name| name.parse::<RepoName>()).transpose()?;
    let path = app.site.trash_restore(by.who(), id, name).await?;
    Ok(Json(json!({ "id": id, "full_name": path })))
}

/// Gitea's and GitHub's way to delete: 204 when it is in the trash, 202 when it is an order.
async fn repo_delete(
    State(app): State<App>,
    by: Caller,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    match app.site.repo_delete(by.who(), &repos::path(&owner, &name)?).await? {
        Asked::Done(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        ordered => Ok(asked(ordered)),
    }
}
