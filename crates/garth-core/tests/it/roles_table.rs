//! The golden table: what the holder of each role may do here, above, below and beside.
//! It lies in `snapshots/`, to be read by people; a change of any line is a change of the
//! product and belongs in `CHANGELOG.md`.

use crate::oracle::{Asker, Class, Kind, Plan, Space, User, grant};
use crate::worlds::{NOW, build, caller, permission};
use garth_core::{Action, ClassIx, Facts, GroupIx, KeyIx, Outcome, Policy, Principal, SpaceIx, Target, UserIx, World};
use std::fmt::Write;

const COMPANY: u32 = 0;
const DIVISION: u32 = 1;
const TEAM: u32 = 2;
const PLACES: [(u32, Option<u32>, bool, &str); 12] = [
    (COMPANY, None, false, "Company, two above"),
    (DIVISION, Some(COMPANY), true, "Division, just above"),
    (TEAM, Some(DIVISION), false, "Team, where the role is held"),
    (3, Some(TEAM), false, "Project, below"),
    (4, Some(3), true, "Part, two below, inheriting"),
    (5, Some(TEAM), true, "Library, below, inheriting"),
    (6, Some(TEAM), false, "Vault, below, sealed"),
    (7, Some(TEAM), false, "Board, below, for others only"),
    (8, Some(7), false, "Minutes, below the board"),
    (9, Some(DIVISION), false, "Sister team"),
    (10, Some(DIVISION), true, "Sister team, inheriting"),
    (11, None, false, "Another company"),
];
const VAULT: u32 = 6;
const BOARD: u32 = 7;

const HOLDER: UserIx = UserIx(0);
const HER_KEY: KeyIx = KeyIx(0);
const ADMINISTRATOR: UserIx = UserIx(1);

/// A kind `task` with the usual policies; class `n` is the tasks of place `n`.
fn plan(team_inherits: bool) -> Plan {
    let mut plan = Plan::default();
    let user = |system_admin| User { enabled: true, system_admin, groups: vec![] };
    plan.users = [(HOLDER.0, user(false)), (ADMINISTRATOR.0, user(true))].into();
    plan.keys = [(HER_KEY.0, TEAM)].into();
    plan.roles = [(3, vec!["task:read".to_owned(), "task:triage".to_owned()])].into();
    let exceptions = [("owner", "view"), ("owner", "edit")].into();
    let kind = Kind { noun: "task", default_view: None, default_edit: None, exceptions, shareable: false };
    plan.kinds = [(0, kind)].into();
    for (ix, parent, inherits, _) in PLACES {
        let space = Space {
            parent,
            inherits: inherits || (ix == TEAM && team_inherits),
            sealed: ix == VAULT,
            archived: false,
            view: if ix == BOARD { Policy::These([UserIx(9)].into()) } else { Policy::Members },
            edit: Policy::Permission(permission("space:admin")),
            grants: vec![],
        };
        plan.spaces.insert(ix, space);
        plan.classes.insert(ix, Class { space: ix, kind: 0, view: None, edit: None, windows: vec![] });
    }
    plan
}

/// Only a person can be owner or author.
fn columns(place: u32, person: bool) -> Vec<(&'static str, Target, Action)> {
    let space = Target::Space(SpaceIx(place));
    let task = |facts| Target::Resource(ClassIx(place), facts);
    let owner = Facts { owner: true, ..Facts::default() };
    let author = Facts { author: true, ..Facts::default() };
    let needs = |text: &'static str| (text, space, Action::Use(permission(text)));
    let mut columns = vec![
        ("see space", space, Action::Read),
        ("edit space", space, Action::Write),
        ("see task", task(Facts::default()), Action::Read),
        ("edit task", task(Facts::default()), Action::Write),
        ("edit own", task(owner), Action::Write),
        ("edit written", task(author), Action::Write),
        needs("task:read"),
        needs("task:write"),
        needs("task:triage"),
        needs("task:share"),
        needs("meter:consume"),
        needs("space:admin"),
        needs("decision:ask"),
    ];
    columns.retain(|(name, _, _)| person || !["edit own", "edit written"].contains(name));
    columns
}

fn table(title: &str, world: &World, asker: Asker) -> String {
    let mut text = format!("{title}\n\n{:<30}", "");
    let person = matches!(asker, Asker::User(_));
    for (name, _, _) in columns(0, person) {
        write!(text, " {name:<w$}", w = name.len().max(4)).unwrap();
    }
    let caller = caller(world, asker).unwrap();
    for (place, _, _, name) in PLACES {
        write!(text, "\n{name:<30}").unwrap();
        for (column, target, action) in columns(place, person) {
            let answer = match world.decide(&caller, target, action, NOW).outcome {
                Outcome::Allowed => "yes",
                Outcome::Forbidden(_) => "no",
                Outcome::Missing => "·",
            };
            write!(text, " {answer:<w$}", w = column.len().max(4)).unwrap();
        }
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn what_each_role_may_do_where() {
    let mut text = "yes: allowed. no: they see it and are refused. ·: to them it does not exist.\n\
        `edit own` is editing a task they own, `edit written` one they are the author of;\n\
        a permission such as task:write is asked of the space (may they create one there?).\n\
        Company ← Division (inherits) ← Team; the other places as their names say.\n\n"
        .to_owned();
    for (role, name) in [(0, "A reader"), (1, "A writer"), (2, "An admin"), (3, "A triager (task:read, task:triage)")] {
        for inherits in [false, true] {
            let mut plan = plan(inherits);
            plan.spaces.get_mut(&TEAM).unwrap().grants = vec![grant(Principal::User(HOLDER), role)];
            let link = if inherits { "Team inherits from Division" } else { "Team does not inherit" };
            text += &table(&format!("== {name} of Team; {link}"), &build(&plan), Asker::User(HOLDER.0));
            text.push('\n');
        }
    }
    insta::assert_snapshot!("roles", text);
}

#[test]
fn what_other_callers_may_do() {
    let mut plan = plan(true);
    plan.spaces.get_mut(&TEAM).unwrap().grants =
        vec![grant(Principal::Key(HER_KEY), 2), grant(Principal::User(HOLDER), 1)];
    let mut text = "yes: allowed. no: they see it and are refused. ·: to them it does not exist.\n\n".to_owned();
    let world = build(&plan);
    let key = "== An api key of Team that carries admin; Team inherits from Division";
    text += &table(key, &world, Asker::Key(HER_KEY.0));
    text += &table("\n== A system administrator without any grant", &world, Asker::User(ADMINISTRATOR.0));
    text += &table("\n== Somebody not signed in", &world, Asker::Anonymous);

    plan.public_access = true;
    plan.spaces.get_mut(&COMPANY).unwrap().view = Policy::Public;
    plan.classes.get_mut(&COMPANY).unwrap().view = Some(Policy::Public);
    let public = "\n== Somebody not signed in; Company and its tasks are public to see";
    text += &table(public, &build(&plan), Asker::Anonymous);
    text += &table("\n== The command line", &build(&plan), Asker::System);

    // A right given to everyone, and one to a group that nobody else is asked about.
    plan.groups = [(0, vec![])].into();
    plan.spaces.get_mut(&COMPANY).unwrap().grants = vec![grant(Principal::Everyone, 0)];
    plan.spaces.get_mut(&DIVISION).unwrap().grants = vec![grant(Principal::Group(GroupIx(0)), 1)];
    let world = build(&plan);
    text += &table("\n== Any signed-in user; everyone is a reader of Company", &world, Asker::Everyone);
    text += &table("\n== Any member of a group that is a writer of Division", &world, Asker::Group(0));
    insta::assert_snapshot!("callers", text);
}
