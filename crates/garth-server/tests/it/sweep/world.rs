//! The installation that the sweep is made on, and everybody who calls.

use super::routes::LOGIN_POLICY;
use crate::support::*;

/// Atlas with people of every role in it; Zoo, another space; and Vault, which is hidden from all who call.
pub struct World {
    pub nobody: Person,
    pub ada: Person,
    /// Administers Atlas.
    pub lin: Person,
    /// Writes in Atlas.
    pub wes: Person,
    /// Reads in Atlas.
    pub bo: Person,
    /// Reads in Zoo.
    pub out: Person,
    /// Reads in Atlas, and does what ends with the caller: leaves, signs out.
    pub kim: Person,
    /// Reads in Atlas, and is what changes are made to.
    pub gus: Person,
    /// A key of Atlas, which writes.
    pub key: Person,
    /// A key of Atlas, which may ask about others and nothing else.
    pub asker: Person,
    /// A key of Zoo, which administers.
    pub foreign: Person,
    pub atlas: Thing,
    /// A second space of lin's.
    pub beta: Thing,
    /// A task in that one.
    pub beyond: Thing,
    /// What is there to be called by its id.
    pub ids: Ids,
    /// The same, of Vault.
    pub hidden: Ids,
    /// What is there to be deleted.
    pub doomed: Ids,
    /// For somebody who has not signed up yet.
    pub signup: String,
    /// A recovery code of gus's.
    pub recovery: String,
    /// What ends the making of another passkey of kim's.
    pub made: Value,
}

/// An application's meter that is there in every world.
const METER: &str = "llm";

/// An id for each name that stands in a path.
#[derive(Clone)]
pub struct Ids {
    pub space: String,
    pub grant: String,
    pub registry_grant: String,
    pub key: String,
    pub resource: String,
    pub user: String,
    pub group: String,
    pub role: String,
    pub kind: String,
    pub policy: String,
    pub login_policy: String,
    pub session: String,
    /// What a resource is shared to.
    pub window: String,
    /// What can be attached, or is.
    pub pool: String,
    pub provider: String,
    pub identity: String,
    pub passkey: String,
    pub invitation: String,
    /// Where letters come in at.
    pub address: String,
    pub observer: String,
    /// What kim accepts an invitation by.
    pub token: String,
    pub job: String,
    pub run: String,
    /// How reports leave, and who summarises them.
    pub delivery: String,
    pub ai_provider: String,
}

impl Ids {
    /// Ids that look like these and never existed.
    pub fn strange(&self) -> Ids {
        let Ids { space, grant, registry_grant, key, resource, user, group, role, kind, policy, session, .. } = self;
        Ids {
            space: strange(space),
            grant: strange(grant),
            registry_grant: strange(registry_grant),
            key: strange(key),
            resource: strange(resource),
            user: strange(user),
            group: strange(group),
            role: strange(role),
            kind: strange(kind),
            policy: strange(policy),
            login_policy: strange(&self.login_policy),
            session: strange(session),
            window: strange(&self.window),
            pool: strange(&self.pool),
            provider: strange(&self.provider),
            identity: strange(&self.identity),
            passkey: strange(&self.passkey),
            invitation: strange(&self.invitation),
            address: strange(&self.address),
            observer: strange(&self.observer),
            token: strange(&self.token),
            job: strange(&self.job),
            run: strange(&self.run),
            delivery: strange(&self.delivery),
            ai_provider: strange(&self.ai_provider),
        }
    }

    /// The path with these ids in the places of its names.
    pub fn fill(&self, path: &str) -> String {
        let nouns = [
            ("/api/v1/spaces/", &self.space),
            ("/s/", &self.space),
            ("/api/v1/registry/spaces/", &self.space),
            ("/api/v1/resources/", &self.resource),
            ("/api/v1/jobs/", &self.job),
            ("/api/v1/runs/", &self.run),
            ("/api/v1/deliveries/", &self.delivery),
            ("/api/v1/ai-providers/", &self.ai_provider),
            ("/api/v1/users/", &self.user),
            ("/api/v1/groups/", &self.group),
            ("/api/v1/roles/", &self.role),
            ("/api/v1/kinds/", &self.kind),
            ("/api/v1/policies/", &self.policy),
            ("/api/v1/login-policies/", &self.login_policy),
            ("/api/v1/observer-keys/", &self.observer),
            ("/system/health/observers/", &self.observer),
            ("/api/v1/me/sessions/", &self.session),
            ("/account/sessions/", &self.session),
            ("/account/identities/", &self.identity),
            ("/account/passkeys/", &self.passkey),
            ("/account/invitations/", &self.invitation),
            ("/system/users/", &self.user),
            ("/system/groups/", &self.group),
            ("/api/v1/me/identities/", &self.identity),
            ("/api/v1/me/passkeys/", &self.passkey),
            ("/api/v1/identity-providers/", &self.provider),
            ("/system/roles/", &self.role),
            ("/system/kinds/", &self.kind),
            ("/system/policies/", &self.policy),
            ("/system/login-policies/", &self.login_policy),
            ("/system/identity-providers/", &self.provider),
            ("/system/registry/", &self.space),
        ];
        let id = nouns.iter().find(|(start, _)| path.starts_with(start)).map_or("", |(_, id)| id.as_str());
        let grant = if path.contains("/registry/") { &self.registry_grant } else { &self.grant };
        let filled = path
            .replace("{id}", id)
            .replace("{grant}", grant)
            .replace("{slug}", "corp")
            .replace("{name}", &garth_server::base::html::STYLE_NAME)
            .replace("{key}", &self.key)
            .replace("{meter}", METER)
            .replace("{invitation}", &self.invitation)
            .replace("{address}", &self.address)
            .replace("{run}", &self.run)
            .replace("{token}", &self.token)
            .replace("{space}", &self.window)
            .replace("{resource}", &self.pool)
            .replace("{user}", &self.user)
            .replace("{file}", "report.html")
            .replace("{principal}", &format!("user:{}", self.user));
        assert!(!filled.contains(['{', '}']) && !filled.contains("//"), "nobody knows how to fill {path}: {filled}");
        filled
    }
}

/// A job of somebody's there, and a run of it that waits.
async fn job_of(by: &Person, space: &Thing) -> (String, String) {
    let body = json!({"report": {"type": "usage"}});
    let job = by.resource("job", "Weekly").space(space).owner(by).body(body).create().await;
    let run = by.post(&format!("/api/v1/jobs/{}/run", job.id), json!({})).await.expect_status(202);
    (job.id.clone(), run.id())
}

/// An interface and a provider of somebody's there, at an address that no server may ask.
async fn leads_out(by: &Person, space: &Thing) -> (String, String) {
    let hook =
        json!({"type": "webhook", "url": "https://127.0.0.1:9/in", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    let hook = by.resource("delivery", "Gateway").space(space).body(hook).create().await;
    let writer = json!({"endpoint": "https://127.0.0.1:9/v1", "model": "small", "api_key": "sk-deep"});
    let writer = by.resource("ai_provider", "Writer").space(space).body(writer).create().await;
    (hook.id, writer.id)
}

/// Somebody who signed in twice has a session that is not the one they ask with.
async fn other_session(person: &Person) -> String {
    person.sign_in(&person.username).await;
    let sessions = person.get("/api/v1/me/sessions").await.ok().items();
    let other = sessions.iter().find(|session| session["current"] == false).expect("another session");
    other["id"].as_str().expect("an id").to_owned()
}

/// Somebody makes a passkey: what they end it with.
async fn making(person: &Person) -> Value {
    let begun = person.post("/api/v1/me/passkeys/begin", json!({})).await.ok();
    let credential = Authenticator::new().make(&begun["options"]);
    json!({"ceremony": begun["ceremony"], "name": "A phone", "credential": credential})
}

/// The id of a passkey that somebody made.
async fn passkey(person: &Person) -> String {
    person.post("/api/v1/me/passkeys/finish", making(person).await).await.created().id()
}

/// An identity provider that nobody can sign in by, nor ask.
async fn provider(ada: &Person, slug: &str) -> String {
    let issuer = format!("https://127.0.0.1:1/{slug}");
    let body = json!({"name": slug, "slug": slug, "issuer": issuer, "client_id": "garth", "enabled": false});
    ada.post("/api/v1/identity-providers", body).await.created().id()
}

/// Somebody is known by a provider: written past the server, for there is no provider to ask.
async fn identity(g: &Garth, provider: &str, person: &Person) -> String {
    let id = strange(&strange(&person.id).replace("-7", "-4"));
    g.meddle(&format!(
        "INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email, created_at) \
         VALUES ('{id}', '{provider}', 'https://127.0.0.1:1/corp', '{}', '{}', NULL, 0)",
        person.username, person.id
    ))
    .await;
    id
}

impl World {
    pub async fn make(g: &Garth) -> World {
        let ada = g.admin().await;
        // Before anybody else signs in: a change of them ends every other session.
        let asked = ada.login_policy("asked", LOGIN_POLICY).await;
        let unasked = ada.login_policy("unasked", LOGIN_POLICY).await;
        let mut people = Vec::new();
        for name in ["lin", "wes", "bo", "out", "kim", "gus", "gone", "mia", "zoe"] {
            people.push(g.person(name).await);
        }
        let [lin, wes, bo, out, kim, gus, gone, mia, zoe] =
            <[Person; 9]>::try_from(people).unwrap_or_else(|_| panic!("nine people"));
        ada.kind_with("task", json!({"shareable": true})).await;
        g.closed_home().await;
        let atlas = ada.space("Atlas").admin(&lin).create().await;
        let beta = ada.space("Beta").admin(&lin).create().await;
        let old = ada.space("Old").admin(&lin).create().await;
        let zoo = ada.space("Zoo").admin(&zoe).create().await;
        let vault = ada.space("Vault").sealed().admin(&mia).create().await;
        ada.grant_by_registry(&atlas, &wes, "writer").await;
        for reader in [&bo, &kim, &gone] {
            ada.grant_by_registry(&atlas, reader, "reader").await;
        }
        ada.grant_by_registry(&zoo, &out, "reader").await;
        let grant = ada.grant_by_registry(&atlas, &gus, "reader").await;
        let (crew, old_crew) = (ada.group("crew", &[&gus]).await, ada.group("old crew", &[&gus]).await);
        let by_registry = ada.grant_by_registry(&atlas, &crew, "reader").await;
        let task = lin.resource("task", "Fix the lift").space(&atlas).create().await;
        let doomed = lin.resource("task", "Forget the lift").space(&atlas).create().await;
        lin.post(&doomed.url("/shares"), json!({"space": beta.id})).await.created();
        ada.kind_with("pool", json!({"shareable": true})).await;
        let pool = lin.resource("pool", "Pool").space(&atlas).create().await;
        let used = lin.resource("pool", "Used").space(&atlas).create().await;
        lin.post(&doomed.url("/attachments"), json!({"resource": used.id})).await.created();
        let beyond = lin.resource("task", "Another lift").space(&beta).create().await;
        lin.post(&old.url("/archive"), json!({})).await.ok();
        ada.quota(&atlas, METER, json!(1_000), json!("daily")).await.ok();
        let (spare, gone_key) = (lin.key(&atlas, "spare", "reader").await, lin.key(&atlas, "gone", "reader").await);
        let policy = json!({"name": "house rule", "policy": "members"});
        let policy = ada.post("/api/v1/policies", policy).await.created();
        ada.role("asker", &["decision:ask"]).await;
        let (role, kind) = (ada.role("spare", &["task:read"]).await, ada.kind("spare").await);

        // What nobody who calls may know of.
        let secret = mia.resource("task", "Secret").space(&vault).create().await;
        let hidden_pool = mia.resource("pool", "Hidden pool").space(&vault).create().await;
        let vault_key = mia.key(&vault, "vault", "reader").await;
        let vault_grants = mia.get(&vault.url("/grants")).await.ok();
        let ghosts = ada.group("ghosts", &[&mia]).await;
        let codes = gus.post("/api/v1/me/recovery-codes", json!({"current": password("gus")})).await.done();
        let pending = ada.post("/api/v1/users", json!({"username": "pending"})).await.created();
        let (provider, old_provider) = (provider(&ada, "corp").await, provider(&ada, "old").await);
        let (identity, hidden_identity) = (identity(g, &provider, &kim).await, identity(g, &provider, &mia).await);
        let invited = async |by: &Person, space: &Thing, to: &str| {
            let body = json!({"to": to, "role": "reader"});
            by.post(&space.url("/invitations"), body).await.expect_status(202)
        };
        let (stranger, for_kim) = (invited(&lin, &atlas, "a@example.org").await, invited(&lin, &atlas, "kim").await);
        let (over, for_mia) = (invited(&lin, &atlas, "b@example.org").await, invited(&mia, &vault, "mia").await);
        let written_to = async |by: &Person, space: &Thing| {
            let body = json!({"prefix": "lifts", "kind": "task"});
            by.post(&space.url("/inbound-addresses"), body).await.created().id()
        };
        let (address, hidden_address) = (written_to(&lin, &atlas).await, written_to(&mia, &vault).await);
        let observer = ada.post("/api/v1/observer-keys", json!({"name": "observer"})).await.created().id();
        let (job, run) = job_of(&lin, &atlas).await;
        let (hidden_job, hidden_run) = job_of(&mia, &vault).await;
        let (_, old_run) = job_of(&lin, &atlas).await;
        let (delivery, ai_provider) = leads_out(&lin, &atlas).await;
        let (hidden_delivery, hidden_provider) = leads_out(&mia, &vault).await;
        garth_server::jobs::work_once(&g.app()).await.expect("runs that are done");
        let ids = Ids {
            address,
            observer,
            job,
            run,
            delivery,
            ai_provider,
            invitation: stranger.id(),
            token: for_kim.text("token"),
            provider: provider.clone(),
            identity,
            passkey: passkey(&kim).await,
            space: atlas.id.clone(),
            grant: grant.id.clone(),
            registry_grant: by_registry.id.clone(),
            key: spare.id.clone(),
            resource: task.id.clone(),
            user: gus.id.clone(),
            group: crew.id.clone(),
            role: role.id.clone(),
            kind: kind.id.clone(),
            policy: policy.id(),
            login_policy: asked,
            session: other_session(&kim).await,
            window: beta.id.clone(),
            pool: pool.id.clone(),
        };
        let hidden = Ids {
            job: hidden_job,
            run: hidden_run,
            delivery: hidden_delivery,
            ai_provider: hidden_provider,
            space: vault.id.clone(),
            grant: vault_grants.each("id")[0].clone(),
            registry_grant: vault_grants.each("id")[0].clone(),
            key: vault_key.id.clone(),
            resource: secret.id.clone(),
            user: mia.id.clone(),
            group: ghosts.id.clone(),
            session: other_session(&mia).await,
            window: vault.id.clone(),
            pool: hidden_pool.id.clone(),
            identity: hidden_identity,
            passkey: passkey(&mia).await,
            invitation: for_mia.id(),
            address: hidden_address,
            token: for_mia.text("token"),
            ..ids.clone()
        };
        let doomed = Ids {
            run: old_run,
            space: old.id.clone(),
            resource: doomed.id.clone(),
            user: gone.id.clone(),
            group: old_crew.id.clone(),
            key: gone_key.id.clone(),
            pool: used.id.clone(),
            provider: old_provider,
            login_policy: unasked,
            invitation: over.id(),
            ..ids.clone()
        };
        World {
            nobody: g.anonymous(),
            key: lin.key(&atlas, "application", "writer").await,
            asker: lin.key(&atlas, "asker", "asker").await,
            foreign: zoe.key(&zoo, "foreign", "admin").await,
            made: making(&kim).await,
            signup: pending.text("signup_token"),
            recovery: codes["recovery_codes"][0].as_str().expect("a code").to_owned(),
            ada,
            lin,
            wes,
            bo,
            out,
            kim,
            gus,
            atlas,
            beta,
            beyond,
            ids,
            hidden,
            doomed,
        }
    }

    /// Everybody who calls, in the order of the golden file.
    pub fn callers(&self) -> Vec<(&'static str, Person)> {
        vec![
            ("nobody", self.nobody.clone()),
            ("bad token", self.lin.with_token("gs_0000000000000000000000000000000000000000000000000000")),
            ("reader elsewhere", self.out.clone()),
            ("key of elsewhere", self.foreign.clone()),
            ("reader", self.bo.clone()),
            ("writer", self.wes.clone()),
            ("key", self.key.clone()),
            ("admin", self.lin.clone()),
            ("system administrator", self.ada.clone()),
        ]
    }
}
