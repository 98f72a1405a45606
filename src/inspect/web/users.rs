//! `/users`: people and roles.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Caller, Fault, Fields, Query, Right, Site, Way};
use crate::inspect::work::people::{self, FreshLink};
use crate::model::{Role, UserName};

/// The ways in.
pub fn ways() -> Vec<Way> {
    let admin = Right::Administer;
    vec![
        Way::look("/users", admin, list),
        Way::act("/users", admin, Some("user add"), add),
        Way::look("/users/{name}", admin, one),
        Way::act("/users/{name}/link", admin, Some("user link"), link),
        Way::act("/users/{name}/role", admin, Some("user role"), set_role),
        Way::act("/users/{name}/totp", admin, Some("user totp"), totp_off),
        Way::act(
            "/users/{name}/disable",
            admin,
            Some("user disable"),
            disable,
        ),
        Way::act("/users/{name}/enable", admin, Some("user enable"), enable),
        Way::act(
            "/users/{name}/sign-out",
            admin,
            Some("user sign-out"),
            sign_out,
        ),
    ]
}

async fn list(State(site): State<Arc<Site>>, caller: Caller) -> Result<Response, Fault> {
    let now = site.clock.now();
    let users = site.store.users().await?;
    let users: Vec<Value> = users.iter().map(|user| people::object(user, now)).collect();
    let values = json!({ "self_path": "/users", "users": users, "roles": Role::ALL });
    site.page(&caller, "users.html", values).await
}

async fn add(
    State(site): State<Arc<Site>>,
    caller: Caller,
    fields: Fields,
) -> Result<Response, Fault> {
    let name: UserName = fields.get("name").parse().map_err(Fault::Wrong)?;
    let link = people::add(&site.work(&caller), name.clone(), role(&fields)?).await?;
    show_link(&site, &caller, &name, &link).await
}

fn role(fields: &Fields) -> Result<Role, Fault> {
    fields.get("role").parse().map_err(Fault::Wrong)
}

/// Shown once: it is kept nowhere.
async fn show_link(
    site: &Site,
    caller: &Caller,
    name: &UserName,
    link: &FreshLink,
) -> Result<Response, Fault> {
    let values = json!({
        "self_path": "/users", "name": name.as_str(), "url": link.url.expose_secret(),
    });
    site.page(caller, "user_link.html", values).await
}

async fn one(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
    query: Query,
) -> Result<Response, Fault> {
    let name = named(&name)?;
    let user = site.store.user(&name).await?;
    let user = user.ok_or_else(|| Fault::Missing(String::new()))?;
    let values = json!({
        "self_path": "/users",
        "word": query.get("done"),
        "user": people::object(&user, site.clock.now()),
        "roles": Role::ALL,
    });
    site.page(&caller, "user.html", values).await
}

fn named(name: &str) -> Result<UserName, Fault> {
    name.parse().map_err(|_| Fault::Missing(String::new()))
}

fn back(name: &UserName, done: &str) -> Response {
    Redirect::to(&format!("/users/{name}?done={done}")).into_response()
}

async fn link(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let name = named(&name)?;
    let link = people::link(&site.work(&caller), &name).await?;
    show_link(&site, &caller, &name, &link).await
}

async fn set_role(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
    fields: Fields,
) -> Result<Response, Fault> {
    let name = named(&name)?;
    people::set_role(&site.work(&caller), &name, role(&fields)?).await?;
    Ok(back(&name, "role"))
}

async fn totp_off(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let name = named(&name)?;
    people::totp_off(&site.work(&caller), &name).await?;
    Ok(back(&name, "totp"))
}

async fn disable(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let name = named(&name)?;
    people::set_disabled(&site.work(&caller), &name, true).await?;
    Ok(back(&name, "disabled"))
}

async fn enable(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let name = named(&name)?;
    people::set_disabled(&site.work(&caller), &name, false).await?;
    Ok(back(&name, "enabled"))
}

async fn sign_out(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let name = named(&name)?;
    people::sign_out(&site.work(&caller), &name).await?;
    Ok(back(&name, "signed-out"))
}
