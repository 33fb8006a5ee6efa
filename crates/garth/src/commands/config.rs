//! `garth config`: the settings that hold and where each came from, without secrets.

use crate::options::{DATA, ShowConfig};
use crate::output::{self, Failure};
use crate::settings::SECRETS;
use serde_json::json;
use std::process::ExitCode;

/// Prints them.
pub fn run(typed: ShowConfig) -> Result<ExitCode, Failure> {
    let effective = typed.settings.effective()?;
    let file = effective.file.as_ref().map(|file| file.display().to_string());
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for (setting, value, origin) in &effective.origins {
        let value = match setting.key {
            "database" => without_password(value),
            secret if SECRETS.contains(&secret) && !value.is_empty() => "(never shown)".to_owned(),
            _ => value.clone(),
        };
        let from = match (origin.as_str(), &file) {
            ("file", Some(file)) => format!("file {file}"),
            ("environment", _) => format!("environment {}", setting.variable()),
            ("flag", _) => format!("flag --{}", setting.flag()),
            (other, _) => other.to_owned(),
        };
        rows.push((setting.key.to_owned(), value, from));
    }
    let folder = effective.settings.data.clone().unwrap_or_else(|| DATA.into());
    let key_from = match std::env::var_os("GARTH_MASTER_KEY") {
        Some(_) => "environment GARTH_MASTER_KEY".to_owned(),
        None => format!("file {}", folder.join("master-key").display()),
    };
    rows.push(("the installation's key".to_owned(), "(never shown)".to_owned(), key_from));
    if typed.json {
        let settings: Vec<_> =
            rows.iter().map(|(key, value, from)| json!({ "key": key, "value": value, "from": from })).collect();
        output::print_json(&json!({ "file": file, "settings": settings }));
    } else {
        let shown = |value: String| if value.is_empty() { "–".to_owned() } else { value };
        let rows: Vec<_> = rows.into_iter().map(|(key, value, from)| vec![key, shown(value), from]).collect();
        output::print(&output::table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// The address of a database without its password and its options, among which there may be one as well.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    // A password may hold anything, also what ends an address: all up to the last @ is its.
    let (who, place) = rest.rsplit_once('@').map_or((None, rest), |(who, place)| (who.split(':').next(), place));
    let place = place.split('?').next().unwrap_or_default();
    format!("{scheme}://{}{place}", who.map(|who| format!("{who}@")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://garth@db/garth", "postgres://garth@db/garth"),
            ("postgres://garth:secret@db:5432/garth", "postgres://garth@db:5432/garth"),
            ("postgres://garth:se@cr:et@db/garth?sslmode=require", "postgres://garth@db/garth"),
            ("postgres://db/garth?password=secret", "postgres://db/garth"),
            ("postgres://garth:se?cret@db/garth", "postgres://garth@db/garth"),
            ("", ""),
        ] {
            assert_eq!(without_password(url), shown, "{url}");
        }
    }
}
