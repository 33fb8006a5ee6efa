//! Building the world of a story: spaces, grants, groups, roles, kinds and resources, each made over HTTP.

use super::person::Call;
use super::{Person, Value, json};
use std::ops::Index;

/// Something that was created, with the address it has.
#[derive(Clone)]
pub struct Thing {
    pub id: String,
    pub json: Value,
    home: &'static str,
}

impl Thing {
    fn new(home: &'static str, json: Value) -> Thing {
        let id = json["id"].as_str().unwrap_or_else(|| panic!("created without an id: {json}")).to_owned();
        Thing { id, json, home }
    }

    /// A thing that is known from an answer, of that noun as it stands in addresses.
    pub fn of(home: &'static str, json: Value) -> Thing {
        Thing::new(home, json)
    }

    /// What has that id, whether it is there or not.
    pub fn at(home: &'static str, id: &str) -> Thing {
        Thing { id: id.to_owned(), json: Value::Null, home }
    }

    /// A group as grants write it, or a resource, for what acts on its behalf.
    pub fn principal(&self) -> String {
        match self.home {
            "groups" => format!("group:{}", self.id),
            "resources" => format!("resource:{}", self.id),
            other => panic!("none of the {other} can be a principal"),
        }
    }

    /// Its own address with something after it: `space.url("/grants")`.
    pub fn url(&self, tail: &str) -> String {
        format!("/api/v1/{}/{}{tail}", self.home, self.id)
    }
}

impl Index<&str> for Thing {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}

/// Whoever can hold a grant.
pub trait Principal {
    fn principal(&self) -> String;
}

impl Principal for Person {
    fn principal(&self) -> String {
        Person::principal(self)
    }
}

impl Principal for Thing {
    fn principal(&self) -> String {
        Thing::principal(self)
    }
}

impl Principal for str {
    fn principal(&self) -> String {
        self.to_owned()
    }
}

impl Person {
    /// Keeps a login policy in v1 that is not asked yet, and answers its id.
    pub async fn login_policy(&self, name: &str, rego: &str) -> String {
        let policy = json!({"name": name, "rego": rego, "version": "v1", "enabled": false});
        self.post("/api/v1/login-policies", policy).await.created().id()
    }

    /// A space of this name; the person who creates it is its admin unless another is named.
    pub fn space(&self, name: &str) -> NewSpace {
        NewSpace { by: self.clone(), body: json!({"name": name}) }
    }

    /// Grants a role in a space.
    pub async fn grant<P: Principal + ?Sized>(&self, space: &Thing, principal: &P, role: &str) -> Thing {
        let body = json!({"principal": principal.principal(), "role": role});
        let mut grant = self.post(&space.url("/grants"), body).await.created();
        Thing::new("grants", grant.json.take())
    }

    /// Grants a role through the registry, as a system administrator who need not see the space.
    pub async fn grant_by_registry<P: Principal + ?Sized>(&self, space: &Thing, principal: &P, role: &str) -> Thing {
        let url = format!("/api/v1/registry/spaces/{}/grants", space.id);
        let body = json!({"principal": principal.principal(), "role": role});
        let mut grant = self.post(&url, body).await.created();
        Thing::new("grants", grant.json.take())
    }

    /// Takes a grant back.
    pub async fn revoke(&self, space: &Thing, grant: &Thing) {
        self.delete(&space.url(&format!("/grants/{}", grant.id))).await.done();
    }

    /// A group with these members.
    pub async fn group(&self, name: &str, members: &[&dyn Principal]) -> Thing {
        let mut group = self.post("/api/v1/groups", json!({"name": name})).await.created();
        let group = Thing::new("groups", group.json.take());
        for member in members {
            self.post(&group.url("/members"), json!({"member": member.principal()})).await.done();
        }
        group
    }

    /// An API key of a space, as a caller: its id is the key's.
    pub async fn key(&self, space: &Thing, name: &str, role: &str) -> Person {
        let made = self.post(&space.url("/api-keys"), json!({"name": name, "role": role})).await.created();
        Person { g: self.g.clone(), id: made.id(), username: name.to_owned(), token: Some(made.text("secret")) }
    }

    /// Sets what limits a meter of a space.
    pub fn quota(&self, space: &Thing, meter: &str, limit: Value, window: Value) -> Call {
        let call = self.call(axum::http::Method::PUT, &space.url(&format!("/quotas/{meter}")));
        call.json(json!({"limit": limit, "window": window}))
    }

    /// One meter of a space, as they see it.
    pub async fn meter(&self, space: &Thing, meter: &str) -> Value {
        let items = self.get(&space.url("/quotas?limit=100")).await.ok().items();
        items.into_iter().find(|item| item["meter"] == meter).unwrap_or(Value::Null)
    }

    /// Takes units of a meter.
    pub fn consume(&self, space: &Thing, meter: &str, units: i64) -> Call {
        self.post(&space.url(&format!("/quotas/{meter}/consume")), json!({ "units": units }))
    }

    /// A role of these permissions.
    pub async fn role(&self, name: &str, permissions: &[&str]) -> Thing {
        let body = json!({"name": name, "permissions": permissions});
        let mut role = self.post("/api/v1/roles", body).await.created();
        Thing::new("roles", role.json.take())
    }

    /// A kind with a free body, a plain plural and a prefix of its own.
    pub async fn kind(&self, name: &str) -> Thing {
        self.kind_with(name, json!({})).await
    }

    /// A kind of which some fields are said.
    pub async fn kind_with(&self, name: &str, fields: Value) -> Thing {
        let mut kind = self.post("/api/v1/kinds", kind_body(name, fields)).await.created();
        Thing::new("kinds", kind.json.take())
    }

    /// A resource of this kind and name.
    pub fn resource(&self, kind: &str, name: &str) -> NewResource {
        NewResource { by: self.clone(), body: json!({"kind": kind, "name": name}) }
    }
}

/// The body of a kind: its prefix is made of the name's first and last letters.
pub fn kind_body(name: &str, fields: Value) -> Value {
    let ends = [name.chars().next(), name.chars().last()];
    let prefix: String = ends.into_iter().flatten().map(|letter| letter.to_ascii_uppercase()).collect();
    let mut body = json!({
        "name": name, "plural": format!("{name}s"), "prefix": prefix, "schema": {"type": "object"},
    });
    merge(&mut body, fields);
    body
}

/// A space to be.
pub struct NewSpace {
    by: Person,
    body: Value,
}

impl NewSpace {
    /// Whoever takes charge of it instead of its creator; may be said more than once.
    pub fn admin<P: Principal + ?Sized>(self, admin: &P) -> NewSpace {
        let mut admins = self.body["admins"].as_array().cloned().unwrap_or_default();
        admins.push(Value::String(admin.principal()));
        self.with("admins", Value::Array(admins))
    }

    pub fn under(self, parent: &Thing) -> NewSpace {
        let parent = json!(parent.id);
        self.with("parent", parent)
    }

    pub fn inherits(self) -> NewSpace {
        self.with("inherits", json!(true))
    }

    pub fn sealed(self) -> NewSpace {
        self.with("sealed", json!(true))
    }

    pub fn with(mut self, field: &str, value: Value) -> NewSpace {
        self.body[field] = value;
        self
    }

    pub async fn create(self) -> Thing {
        let mut space = self.send().await.created();
        Thing::new("spaces", space.json.take())
    }

    /// The request itself, for those that are refused.
    pub fn send(self) -> Call {
        self.by.post("/api/v1/spaces", self.body)
    }
}

/// A resource to be.
pub struct NewResource {
    by: Person,
    body: Value,
}

impl NewResource {
    pub fn space(self, space: &Thing) -> NewResource {
        let space = json!(space.id);
        self.with("space", space)
    }

    pub fn body(self, body: Value) -> NewResource {
        self.with("body", body)
    }

    pub fn view(self, policy: Value) -> NewResource {
        self.with("view", policy)
    }

    pub fn edit(self, policy: Value) -> NewResource {
        self.with("edit", policy)
    }

    pub fn owner(self, owner: &Person) -> NewResource {
        let owner = json!(owner.principal());
        self.with("owner", owner)
    }

    pub fn labels(self, labels: &[&str]) -> NewResource {
        self.with("labels", json!(labels))
    }

    pub fn with(mut self, field: &str, value: Value) -> NewResource {
        self.body[field] = value;
        self
    }

    pub async fn create(self) -> Thing {
        let mut resource = self.send().await.created();
        Thing::new("resources", resource.json.take())
    }

    /// The request itself, for those that are refused.
    pub fn send(self) -> Call {
        self.by.post("/api/v1/resources", self.body)
    }
}

fn merge(body: &mut Value, fields: Value) {
    if let (Value::Object(body), Value::Object(fields)) = (body, fields) {
        body.extend(fields);
    }
}
