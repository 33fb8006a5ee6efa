//! Scenarios: whole installations in readable files, for the demo and as tests.
//!
//! A file holds people, groups, roles, kinds, policies, spaces and resources, and the answers
//! that must follow from them. It is put into an installation through the same doors that
//! everybody uses, by the command line, who sees all.

mod answers;
mod expect;
mod file;
mod load;

pub use answers::{Answer, Found, Installed};
pub use expect::{Asks, Expectation, What};
pub use file::{Grant, Group, NamedPolicy, Person, Resource, Role, Scenario, Space, read};
pub use load::load;

use crate::access::App;
use crate::base::error::Result;
use std::sync::Arc;

/// The files of the demo, by name; the first one's top-level space becomes the default space.
pub const DEMO: [(&str, &str); 4] = [
    ("scenarios/tracker.yaml", include_str!("../../../../scenarios/tracker.yaml")),
    ("scenarios/stacks.yaml", include_str!("../../../../scenarios/stacks.yaml")),
    ("scenarios/reporting.yaml", include_str!("../../../../scenarios/reporting.yaml")),
    ("scenarios/content.yaml", include_str!("../../../../scenarios/content.yaml")),
];

/// The password of everybody in the demo.
pub const DEMO_PASSWORD: &str = "garth-demo-please";

/// A few people of the demo, and what they are good for.
pub const DEMO_PEOPLE: [(&str, &str); 6] = [
    ("maya", "leads Kestrel, a tracker; does not know that Security exists"),
    ("ada", "the system administrator; no way into contents without a grant"),
    ("iris", "Skyforge, infrastructure: how access propagates in a tree"),
    ("beatrix", "runs Meridian's reporting; Payroll and Board stay shut to her"),
    ("esi", "Halcyon, help lines: admin of one workspace, read-only in another"),
    ("petra", "a contractor whose time is over"),
];

/// Fills an empty installation with the demo; nobody needs to be set up afterwards.
///
/// # Errors
/// When a file is wrong or the installation is not empty.
pub async fn load_demo(app: &Arc<App>) -> Result<()> {
    for (file, text) in DEMO {
        load(app, &read(file, text)?, DEMO_PASSWORD).await?;
    }
    app.end_setup();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_demo_reads_and_its_names_are_unique() {
        let files: Vec<Scenario> =
            DEMO.iter().map(|(file, text)| read(file, text).unwrap_or_else(|e| panic!("{e}"))).collect();
        let mut names = BTreeSet::new();
        let mut once = |noun: &str, name: &str| assert!(names.insert(format!("{noun} {name}")), "twice: {noun} {name}");
        for file in &files {
            file.people.iter().for_each(|person| once("person", &person.username));
            file.groups.iter().for_each(|group| once("group", &group.name));
            file.roles.iter().for_each(|role| once("role", &role.name));
            file.policies.iter().for_each(|policy| once("policy", &policy.name));
            for kind in &file.kinds {
                once("kind", &kind.name);
                once("prefix", &kind.prefix);
            }
        }
        for (who, _) in DEMO_PEOPLE {
            assert!(names.contains(&format!("person {who}")), "{who}");
        }
        assert!(files.iter().map(|file| file.resources.len()).sum::<usize>() > 200);
        assert!(files.iter().all(|file| file.expect.len() >= 30));
    }
}
