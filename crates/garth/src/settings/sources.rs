//! Where settings come from, the weakest first: defaults, the file, the environment, flags.

use crate::output::Failure;
use crate::settings::{SETTINGS, Setting, Settings};
use clap::builder::ValueParser;
use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::path::{Path, PathBuf};

/// The files that are read when `--config` names none; the first that is there counts.
const FILES: [&str; 2] = ["garth.toml", "/etc/garth/garth.toml"];
/// Variables of ours that are no settings.
const VARIABLES: [&str; 2] = ["GARTH_CONFIG", "GARTH_MASTER_KEY"];
/// What Kubernetes and Docker set in every container beside a service that is called "garth".
const LINKS: [&str; 2] = ["GARTH_SERVICE_", "GARTH_PORT"];
/// The settings that commands beside the server take as flags.
const PLACE: [&str; 2] = ["data", "database"];

/// The flags that were typed: every setting where `ALL`, else those that say where the data lies.
pub struct Typed<const ALL: bool> {
    config: Option<PathBuf>,
    flags: Dict,
}

impl<const ALL: bool> Typed<ALL> {
    fn takes() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|setting| ALL || PLACE.contains(&setting.key))
    }

    /// What holds, taking the file and the environment into account.
    ///
    /// # Errors
    /// One sentence about the first thing that is unknown or not acceptable; it repeats no value.
    pub fn effective(&self) -> Result<Effective, Failure> {
        let (of_environment, config) = environment(std::env::vars_os())?;
        let file = match self.config.clone().or(config) {
            Some(named) => Some(named),
            None => FILES.iter().map(PathBuf::from).find(|file| file.exists()),
        };
        let defaults = SETTINGS.iter().map(|s| (s.key.to_owned(), Value::from(s.default))).collect();
        let mut all = Figment::from(Texts("default", defaults));
        if let Some(file) = &file {
            all = all.merge(Texts("file", read_file(file)?));
        }
        all = all.merge(Texts("environment", of_environment)).merge(Texts("flag", self.flags.clone()));
        Effective::of(&all, file)
    }
}

/// What holds, with where each value came from.
pub struct Effective {
    /// The values.
    pub settings: Settings,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// Of each setting its value as text and where it came from: `default`, `file`, `environment` or `flag`.
    pub origins: Vec<(&'static Setting, String, String)>,
}

impl Effective {
    fn of(all: &Figment, file: Option<PathBuf>) -> Result<Self, Failure> {
        let text = |key: &str| all.find_value(key).ok().and_then(|value| as_text(&value)).unwrap_or_default();
        let origin = |key: &str| all.find_metadata(key).map_or("default".to_owned(), |from| from.name.to_string());
        let settings = Settings::read(text).map_err(|(key, why)| {
            let of = match origin(key).as_str() {
                "file" => format!(" in {}", file.as_deref().unwrap_or(Path::new("the file")).display()),
                "environment" => " in the environment".to_owned(),
                _ => String::new(),
            };
            Failure(format!("The setting {key}{of} {why}."))
        })?;
        if settings.tls_cert.is_some() != settings.tls_key.is_some() {
            return Err(Failure("A certificate and its key belong together: set tls_cert and tls_key.".to_owned()));
        }
        if let Some(trouble) = settings.smtp_trouble().or_else(|| settings.backup_trouble()) {
            return Err(Failure(trouble.to_owned()));
        }
        let origins = SETTINGS.iter().map(|setting| (setting, text(setting.key), origin(setting.key))).collect();
        Ok(Self { settings, file, origins })
    }
}

/// Settings of one source, all as texts.
struct Texts(&'static str, Dict);

impl Provider for Texts {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.1.clone()))
    }
}

/// A text, a number, a flag, or a list of texts; nothing else is the value of a setting.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, one) => Some(one.to_string()),
        Value::Bool(_, flag) => Some(flag.to_string()),
        Value::Num(_, number) => number.to_i128().map(|number| number.to_string()),
        Value::Array(_, items) => {
            let items: Option<Vec<String>> = items.iter().map(as_text).collect();
            items.map(|items| items.join(","))
        }
        Value::Empty(..) | Value::Dict(..) => None,
    }
}

/// The settings of a file; relative paths in it count from its folder.
fn read_file(file: &Path) -> Result<Dict, Failure> {
    let named = file.display();
    let text =
        std::fs::read_to_string(file).map_err(|e| Failure(format!("The settings in {named} cannot be read: {e}.")))?;
    let data = Toml::string(&text).data();
    // The library's own words would repeat the line, and there may be a password in it.
    let mut data = data.map_err(|_| Failure(format!("{named} is not TOML; write lines such as in_flight = 512.")))?;
    let read = data.remove(&Profile::Default).unwrap_or_default();
    let mut settings = Dict::new();
    for (key, value) in read {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(unknown(&key, &format!("{named} holds")));
        };
        let Some(mut text) = as_text(&value) else {
            return Err(Failure(format!("The setting {key} in {named} must be a text, a number or a list of texts.")));
        };
        if matches!(setting.value, "FILE" | "DIR") && !text.is_empty() {
            text = file.parent().unwrap_or(Path::new("")).join(text).to_string_lossy().into_owned();
        }
        settings.insert(key, Value::from(text));
    }
    Ok(settings)
}

/// The settings of the environment, and the file that it names.
fn environment(
    variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Result<(Dict, Option<PathBuf>), Failure> {
    let mut settings = Dict::new();
    let mut config = None;
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("GARTH_")) else { continue };
        if name == "GARTH_CONFIG" {
            config = Some(PathBuf::from(&value)).filter(|file| !file.as_os_str().is_empty());
        }
        if VARIABLES.contains(&name) || LINKS.iter().any(|link| name.starts_with(link)) {
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) else {
            return Err(unknown(name, "The environment holds"));
        };
        let Some(value) = value.to_str() else {
            return Err(Failure(format!("{name} in the environment is not readable text.")));
        };
        // An empty variable is one that is not set.
        if !value.is_empty() {
            settings.insert(setting.key.to_owned(), Value::from(value));
        }
    }
    Ok((settings, config))
}

/// Nothing is passed over in silence: it may be a limit that somebody relies on.
fn unknown(name: &str, who: &str) -> Failure {
    Failure(format!("{who} {name}, which is no setting of this version; garth config lists those that are."))
}

impl<const ALL: bool> Args for Typed<ALL> {
    fn augment_args(mut command: Command) -> Command {
        let config = Arg::new("config").long("config").value_name("FILE").value_hint(ValueHint::FilePath);
        let config = config.value_parser(clap::value_parser!(PathBuf)).help(
            "The file with settings [env: GARTH_CONFIG] [default: garth.toml or /etc/garth/garth.toml, where there]",
        );
        command = command.arg(config);
        for setting in Self::takes() {
            let check = setting.check;
            let parser = move |text: &str| check(text).map(|()| text.to_owned());
            let default = Some(setting.default).filter(|default| !default.is_empty());
            let default = default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
            let hint = match setting.value {
                "FILE" => ValueHint::FilePath,
                "DIR" => ValueHint::DirPath,
                _ => ValueHint::Other,
            };
            command = command.arg(
                Arg::new(setting.key)
                    .long(setting.flag())
                    .value_name(setting.value)
                    .value_hint(hint)
                    .value_parser(ValueParser::new(parser))
                    .help(format!("{} [env: {}]{default}", setting.what, setting.variable())),
            );
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const ALL: bool> FromArgMatches for Typed<ALL> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let typed = |setting: &Setting| {
            let text = matches.get_one::<String>(setting.key)?;
            Some((setting.key.to_owned(), Value::from(text.as_str())))
        };
        Ok(Self { config: matches.get_one("config").cloned(), flags: Self::takes().filter_map(typed).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
