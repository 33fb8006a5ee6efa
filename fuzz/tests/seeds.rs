//! Runs every seed through its target: the promises hold for them, the inputs of mended faults among them.

use garth_fuzz::{TARGETS, Yard, names};
use std::path::Path;

#[test]
fn every_seed_keeps_the_promises_of_its_target() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let yard = Yard::open();
    for target in TARGETS {
        let folder = seeds.join(target.name);
        let files: Vec<_> = std::fs::read_dir(&folder).expect(target.name).collect();
        assert!(!files.is_empty(), "{} has no seeds", target.name);
        for file in files {
            let path = file.expect("an entry").path();
            println!("{}", path.display());
            (target.run)(&yard, &std::fs::read(&path).expect("a seed"));
        }
    }
}

#[test]
fn every_folder_of_seeds_has_its_target() {
    for folder in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")).expect("seeds") {
        let name = folder.expect("an entry").file_name().into_string().expect("text");
        assert!(names().contains(&name.as_str()), "no target is called {name}");
    }
}
