//! A client that gives and takes rights: grants, sessions, and keys. What was taken stays taken.

use super::journal::{Counts, World};
use super::random::Random;
use super::server::{Api, Lost, PASSWORD, log_in};
use serde_json::json;

/// Sessions and keys looked at again after every kill; all of them are at the end.
const SAMPLE: usize = 8;

/// A credential and whether it works.
#[derive(Clone)]
struct Credential {
    id: String,
    secret: String,
}

/// What is under way.
enum Doubt {
    Grant,
    Revoke,
    /// A credential that may be worth nothing by now.
    End(Credential),
}

/// Lin, who is let in and put out again.
pub struct Rights {
    random: Random,
    world: World,
    lin: String,
    /// Lin's session that is never ended.
    token: String,
    /// The grant that holds.
    pub grant: Option<String>,
    pub revoked: Vec<String>,
    sessions: Vec<Credential>,
    keys: Vec<Credential>,
    /// Tokens and secrets that must never work again.
    dead: Vec<String>,
    doubt: Option<Doubt>,
    pub counts: Counts,
}

impl Rights {
    /// Signs Lin up.
    pub fn new(api: &mut Api, random: Random, world: World) -> Rights {
        let made = api.post("/api/v1/users", json!({"username": "lin"})).expect("an answer").expect(&[201]);
        let body = json!({"token": made.text("signup_token"), "password": PASSWORD});
        let token = api.post("/api/v1/signup", body).expect("an answer").expect(&[200, 201]).text("token");
        Rights {
            random,
            world,
            lin: made.text("id"),
            token,
            grant: None,
            revoked: Vec::new(),
            sessions: Vec::new(),
            keys: Vec::new(),
            dead: Vec::new(),
            doubt: None,
            counts: Counts::default(),
        }
    }

    pub fn work(&mut self, api: &mut Api) {
        while self.step(api).is_ok() {}
    }

    fn step(&mut self, api: &mut Api) -> Result<(), Lost> {
        match self.random.below(40) {
            // A sign-in costs a hash, which is meant to be slow.
            0 => self.sign_in(api),
            1..4 => self.sign_out(api),
            4..8 => self.make_key(api),
            8..12 => self.rotate_key(api),
            12..16 => self.revoke_key(api),
            _ => match self.grant.clone() {
                None => self.give(api),
                Some(grant) => self.take(api, &grant),
            },
        }
    }

    fn space(&self) -> String {
        format!("/api/v1/spaces/{}", self.world.spaces[1])
    }

    fn answered(&mut self) -> Result<(), Lost> {
        self.counts.answered += 1;
        self.doubt = None;
        Ok(())
    }

    /// Does the space let them in?
    fn let_in(&self, api: &mut Api, credential: &str) -> Result<u16, Lost> {
        Ok(api.with_token(credential, &self.space())?.expect(&[200, 401, 404]).status)
    }

    fn give(&mut self, api: &mut Api) -> Result<(), Lost> {
        self.doubt = Some(Doubt::Grant);
        let body = json!({"principal": format!("user:{}", self.lin), "role": "reader"});
        let grant = api.post(&format!("{}/grants", self.space()), body)?.expect(&[201]);
        self.grant = Some(grant.text("id"));
        self.answered()?;
        assert_eq!(self.let_in(api, &self.token)?, 200, "granted means granted");
        Ok(())
    }

    fn take(&mut self, api: &mut Api, grant: &str) -> Result<(), Lost> {
        self.doubt = Some(Doubt::Revoke);
        api.delete(&format!("{}/grants/{grant}", self.space()))?.expect(&[204, 200]);
        self.revoked.extend(self.grant.take());
        self.answered()?;
        assert_eq!(self.let_in(api, &self.token)?, 404, "revoked means revoked");
        Ok(())
    }

    fn sign_in(&mut self, api: &mut Api) -> Result<(), Lost> {
        let secret = log_in(api, "lin")?;
        self.sessions.push(Credential { id: String::new(), secret });
        self.answered()
    }

    fn sign_out(&mut self, api: &mut Api) -> Result<(), Lost> {
        let Some(session) = self.sessions.pop() else { return Ok(()) };
        self.doubt = Some(Doubt::End(session.clone()));
        // One logs oneself out, with the credential that ends.
        let mut own = api.another(&session.secret);
        own.post("/api/v1/logout", json!({}))?.expect(&[200, 204]);
        self.end(api, session)
    }

    fn end(&mut self, api: &mut Api, credential: Credential) -> Result<(), Lost> {
        self.dead.push(credential.secret.clone());
        self.answered()?;
        assert_eq!(self.let_in(api, &credential.secret)?, 401, "ended means ended");
        Ok(())
    }

    fn make_key(&mut self, api: &mut Api) -> Result<(), Lost> {
        if self.keys.len() > 20 {
            return self.revoke_key(api);
        }
        let made = api.post(&format!("{}/api-keys", self.space()), json!({"name": "chaos", "role": "reader"}))?;
        let made = made.expect(&[201]);
        self.keys.push(Credential { id: made.text("id"), secret: made.text("secret") });
        self.answered()
    }

    fn rotate_key(&mut self, api: &mut Api) -> Result<(), Lost> {
        let Some(key) = self.keys.pop() else { return Ok(()) };
        self.doubt = Some(Doubt::End(key.clone()));
        let made = api.post(&format!("{}/api-keys/{}/rotate", self.space(), key.id), json!({}))?.expect(&[200, 201]);
        self.keys.insert(0, Credential { id: key.id.clone(), secret: made.text("secret") });
        self.end(api, key)
    }

    fn revoke_key(&mut self, api: &mut Api) -> Result<(), Lost> {
        let Some(key) = self.keys.pop() else { return Ok(()) };
        self.doubt = Some(Doubt::End(key.clone()));
        api.delete(&format!("{}/api-keys/{}", self.space(), key.id))?.expect(&[200, 204]);
        self.end(api, key)
    }

    /// After a restart: what became of the request without an answer, and whether everything else is as it was said.
    pub fn settle(&mut self, api: &mut Api, all: bool) {
        let grants = api.get(&format!("{}/grants?limit=100", self.space())).expect("an answer").expect(&[200]);
        let of_lin: Vec<String> = grants.body["items"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|grant| grant["principal"] == format!("user:{}", self.lin))
            .map(|grant| grant["id"].as_str().expect("an id").to_owned())
            .collect();
        match self.doubt.take() {
            Some(Doubt::Grant) => {
                assert!(of_lin.len() <= 1);
                self.unanswered(!of_lin.is_empty());
                self.grant = of_lin.first().cloned();
            }
            Some(Doubt::Revoke) => {
                self.unanswered(of_lin.is_empty());
                if of_lin.is_empty() {
                    self.revoked.extend(self.grant.take());
                }
            }
            Some(Doubt::End(credential)) => {
                let ended = self.let_in(api, &credential.secret).expect("an answer") == 401;
                self.unanswered(ended);
                // It is not used again: a rotation that happened unseen has another secret now.
                if ended {
                    self.dead.push(credential.secret);
                }
            }
            None => {}
        }
        assert_eq!(of_lin, self.grant.iter().cloned().collect::<Vec<_>>(), "grants are as they were answered");
        assert!(!of_lin.iter().any(|grant| self.revoked.contains(grant)), "a revoked grant came back");
        let there = if self.grant.is_some() { 200 } else { 404 };
        assert_eq!(self.let_in(api, &self.token).expect("an answer"), there);
        for live in self.sessions.iter().rev().take(SAMPLE) {
            assert_eq!(self.let_in(api, &live.secret).expect("an answer"), there, "a session that was never ended");
        }
        for live in self.keys.iter().rev().take(SAMPLE) {
            assert_eq!(self.let_in(api, &live.secret).expect("an answer"), 200, "a key that was never revoked");
        }
        let looked_at = if all { self.dead.len() } else { SAMPLE.min(self.dead.len()) };
        let newest = self.dead.len() - looked_at;
        for dead in &self.dead[newest..] {
            assert_eq!(self.let_in(api, dead).expect("an answer"), 401, "a credential that was ended came back");
        }
    }

    fn unanswered(&mut self, done: bool) {
        if done { self.counts.done_unanswered += 1 } else { self.counts.never += 1 }
    }

    /// Credentials that were ended for good.
    pub fn dead(&self) -> usize {
        self.dead.len()
    }
}
