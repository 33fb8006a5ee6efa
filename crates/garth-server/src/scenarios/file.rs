//! A scenario file as it is written: YAML read strictly, every mistake named with its line.

use crate::base::error::{Error, Result};
use crate::directory::{BuiltIn, Definition};
use crate::scenarios::expect::{self, Expectation};
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};

/// A whole installation: what is in it, and the answers that must follow.
#[derive(Debug)]
pub struct Scenario {
    /// The installation's name, and that of its one top-level space.
    pub name: String,
    /// A paragraph for the reader.
    pub about: String,
    /// Who has an account.
    pub people: Vec<Person>,
    /// Their groups.
    pub groups: Vec<Group>,
    /// Roles besides the built-in ones.
    pub roles: Vec<Role>,
    /// Kinds of resources besides Garth's own.
    pub kinds: Vec<Definition>,
    /// Named policies.
    pub policies: Vec<NamedPolicy>,
    /// The top-level space with all that lies below it.
    pub space: Space,
    /// Every resource, those of the tables too.
    pub resources: Vec<Resource>,
    /// What must be answered.
    pub expect: Vec<Expectation>,
}

/// Somebody with an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What they sign in with.
    pub username: String,
    /// What people call them.
    pub name: String,
    /// Where to write to them.
    #[serde(default)]
    pub email: Option<String>,
    /// Runs the installation.
    #[serde(default)]
    pub system_admin: bool,
    /// Cannot sign in any more.
    #[serde(default)]
    pub disabled: bool,
}

/// A named set of people and groups.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// `user:@name` and `group:@name`.
    #[serde(default)]
    pub members: Vec<String>,
}

/// A role besides the built-in ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its permissions, patterns among them.
    pub permissions: Vec<String>,
}

/// A policy that others refer to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedPolicy {
    /// Its name; elsewhere it is written `@name`.
    pub name: String,
    /// What it says.
    pub policy: Value,
    /// Who may change it.
    pub edit: Value,
}

/// A space with those below it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Its gate.
    #[serde(default)]
    pub view: Option<Value>,
    /// Who may change it.
    #[serde(default)]
    pub edit: Option<Value>,
    /// May it use its parent's shareable resources?
    #[serde(default)]
    pub inherits: bool,
    /// Is it closed to system administrators and groups?
    #[serde(default)]
    pub sealed: bool,
    /// Free words.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Who holds which role here.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// The spaces below.
    #[serde(default)]
    pub spaces: Vec<Space>,
}

/// Who holds which role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// `user:@name`, `group:@name` or `group:everyone`.
    pub principal: String,
    /// The role's name.
    pub role: String,
    /// When it ends, in RFC 3339.
    #[serde(default)]
    pub expires_at: Option<String>,
}

/// A resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its kind's name.
    pub kind: String,
    /// The path of the space it lies in.
    pub space: String,
    /// Its name, unique for its kind in the file.
    pub name: String,
    /// Its body.
    #[serde(default)]
    pub body: Map<String, Value>,
    /// Free words.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Its own view policy.
    #[serde(default)]
    pub view: Option<Value>,
    /// Its own edit policy.
    #[serde(default)]
    pub edit: Option<Value>,
    /// Who made it, as a principal.
    #[serde(default)]
    pub author: Option<String>,
    /// Whose it is, as a principal.
    #[serde(default)]
    pub owner: Option<String>,
    /// Who follows it, as principals.
    #[serde(default)]
    pub subscribers: Vec<String>,
}

/// The document before its tables and expectations are read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    people: Vec<Person>,
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(default)]
    kinds: Vec<Definition>,
    #[serde(default)]
    policies: Vec<NamedPolicy>,
    spaces: Vec<Space>,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    tables: Vec<Table>,
    #[serde(default)]
    expect: Vec<Spanned<BTreeMap<String, Value>>>,
}

/// Many resources alike, one readable line each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: String,
    space: String,
    columns: Vec<String>,
    rows: Vec<Spanned<Vec<Value>>>,
}

/// Reads a scenario; `file` is what complaints call it.
///
/// # Errors
/// The first mistake, with its line.
pub fn read(file: &str, text: &str) -> Result<Scenario> {
    let options = serde_saphyr::options! {
        // `no` is a word here: a country, an answer.
        strict_booleans: true,
        reject_unsupported_tags: true,
    };
    let document: Document = serde_saphyr::from_str_with_options(text, options).map_err(|e| {
        let line = e.location().map_or(1, |at| at.line());
        // The complaint without the picture of the place, on one line.
        let plain = e.without_snippet().to_string();
        Complaints { file }.at(line, plain.split_whitespace().collect::<Vec<_>>().join(" "))
    })?;
    Complaints { file }.assemble(document)
}

/// Says where in which file something is wrong.
struct Complaints<'a> {
    file: &'a str,
}

impl Complaints<'_> {
    fn at(&self, line: u64, what: impl std::fmt::Display) -> Error {
        Error::Malformed(format!("{}, line {line}: {what}", self.file))
    }

    fn whole(&self, what: impl std::fmt::Display) -> Error {
        Error::Malformed(format!("{}: {what}", self.file))
    }

    fn assemble(&self, document: Document) -> Result<Scenario> {
        let name = document.name;
        let one = |mut spaces: Vec<Space>| spaces.pop().filter(|space| spaces.is_empty() && space.name == name);
        let space = one(document.spaces).ok_or_else(|| {
            self.whole(format!("must have exactly one top-level space, called {name} as the file is"))
        })?;
        let mut resources = document.resources;
        for table in document.tables {
            self.rows(table, &mut resources)?;
        }
        let paths: BTreeSet<String> = space.paths().into_iter().map(|(path, _)| path).collect();
        let own = BuiltIn::ALL.into_iter().map(|kind| kind.definition(kind.name()));
        let kinds: Vec<Definition> = document.kinds.iter().cloned().chain(own).collect();
        self.resources_fit(&paths, &resources, &kinds)?;
        let mut expectations = Vec::with_capacity(document.expect.len());
        for line in document.expect {
            let number = line.defined.line();
            let read = expect::read(line.value, number, &kinds).and_then(|expectation| {
                expectation.fits(&paths, &document.people, &resources)?;
                Ok(expectation)
            });
            expectations.push(read.map_err(|what| self.at(number, what))?);
        }
        Ok(Scenario {
            name,
            about: document.about,
            people: document.people,
            groups: document.groups,
            roles: document.roles,
            kinds: document.kinds,
            policies: document.policies,
            space,
            resources,
            expect: expectations,
        })
    }

    /// Turns a table's rows into resources; an empty cell is left out.
    fn rows(&self, table: Table, resources: &mut Vec<Resource>) -> Result<()> {
        for row in table.rows {
            let line = row.defined.line();
            if row.value.len() != table.columns.len() {
                let (cells, columns) = (row.value.len(), table.columns.len());
                return Err(self.at(line, format!("the row has {cells} cells for {columns} columns")));
            }
            let mut resource = Resource {
                kind: table.kind.clone(),
                space: table.space.clone(),
                name: String::new(),
                body: Map::new(),
                labels: Vec::new(),
                view: None,
                edit: None,
                author: None,
                owner: None,
                subscribers: Vec::new(),
            };
            for (column, cell) in table.columns.iter().zip(row.value) {
                resource.put(column, cell).map_err(|what| self.at(line, what))?;
            }
            if resource.name.is_empty() {
                return Err(self.at(line, "the row has no name"));
            }
            resources.push(resource);
        }
        Ok(())
    }

    fn resources_fit(&self, paths: &BTreeSet<String>, resources: &[Resource], kinds: &[Definition]) -> Result<()> {
        let mut seen = BTreeSet::new();
        for resource in resources {
            let Resource { kind, space, name, .. } = resource;
            if !kinds.iter().any(|k| k.name == *kind) {
                return Err(self.whole(format!("{name}: there is no kind {kind} in this file")));
            }
            if !paths.contains(space) {
                return Err(self.whole(format!("{name}: there is no space {space} in this file")));
            }
            if !seen.insert((kind, name)) {
                return Err(self.whole(format!("there are two of kind {kind} called {name}")));
            }
        }
        Ok(())
    }
}

impl Resource {
    /// Puts one cell of a table where its column says.
    fn put(&mut self, column: &str, cell: Value) -> std::result::Result<(), String> {
        let text = |cell: Value| match cell {
            Value::String(text) => Ok(text),
            _ => Err(format!("{column} must be text; put it into quotes")),
        };
        match (column, cell) {
            (_, Value::Null) => {}
            ("name", cell) => self.name = text(cell)?,
            ("owner", cell) => self.owner = Some(format!("user:@{}", text(cell)?)),
            ("author", cell) => self.author = Some(format!("user:@{}", text(cell)?)),
            ("labels", Value::Array(labels)) => self.labels = labels.into_iter().map(text).collect::<Result<_, _>>()?,
            ("labels", _) => return Err("labels must be a list".to_owned()),
            (field, cell) => {
                self.body.insert(field.to_owned(), cell);
            }
        }
        Ok(())
    }
}

impl Space {
    /// This space and all below it with their paths, parents first.
    pub fn paths(&self) -> Vec<(String, &Space)> {
        let mut all = vec![(self.name.clone(), self)];
        for child in &self.spaces {
            all.extend(child.paths().into_iter().map(|(path, space)| (format!("{}/{path}", self.name), space)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "
name: Atlas
people:
  - {username: maya, name: Maya}
kinds:
  - {name: task, prefix: T}
spaces:
  - name: Atlas
    spaces: [{name: Security}]
tables:
  - kind: task
    space: Atlas/Security
    columns: [name, owner, labels, points]
    rows:
      - [Rotate the key, maya, [keys, no], 3]
      - [Renew the badge, null, [], null]
expect:
  - {who: anonymous, may: read, task: Rotate the key, answer: deny, because: sign in first}
";

    fn complaint(text: &str) -> String {
        read("small.yaml", text).expect_err("a complaint").to_string()
    }

    #[test]
    fn rows_become_resources_and_empty_cells_are_left_out() {
        let scenario = read("small.yaml", SMALL).expect("a scenario");
        let [first, second] = &scenario.resources[..] else { panic!("two rows") };
        assert_eq!(first.owner.as_deref(), Some("user:@maya"));
        assert_eq!(first.labels, ["keys", "no"]);
        assert_eq!(first.body["points"], 3);
        assert_eq!((second.owner.as_deref(), second.body.len()), (None, 0));
        assert_eq!(scenario.expect.len(), 1);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (from, to, what) in [
            ("username: maya", "user: maya", "small.yaml, line 4: "),
            (
                "[Renew the badge, null, [], null]",
                "[Renew the badge]",
                "small.yaml, line 16: the row has 1 cells for 4 columns",
            ),
            (
                "Rotate the key, answer",
                "Rotate the keys, answer",
                "small.yaml, line 18: there is no task Rotate the keys",
            ),
            ("answer: deny", "answer: no", "small.yaml, line 18: answer must be allow or deny"),
            ("task: Rotate", "tusk: Rotate", "small.yaml, line 18: "),
            ("who: anonymous", "who: maya", "small.yaml, line 18: who must be"),
            ("space: Atlas/Security", "space: Atlas/Secrets", "small.yaml: Rotate the key: there is no space"),
            ("  - name: Atlas", "  - name: Other", "small.yaml: must have exactly one top-level space, called Atlas"),
            ("Renew the badge", "Rotate the key", "small.yaml: there are two of kind task called Rotate the key"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let complaint = complaint(&SMALL.replacen(from, to, 1));
            assert!(complaint.starts_with(what), "{complaint}");
        }
    }
}
