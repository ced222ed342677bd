//! What the programs' command lines have in common: reading them, and the values that both know. The only place that reads
//! the environment.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
use clap::{Arg, Parser};
use ipnet::IpNet;
use kez_core::ServerName;
use tracing_subscriber::EnvFilter;

/// Parses the command line and the environment and looks at the result, or ends the program: with help or version as
/// asked, or with one clear line and exit code 2. An empty variable is one that is not set, as in an environment file
/// whose value was taken out.
pub fn parse_or_exit<C: Parser>(check: impl FnOnce(&C) -> Result<(), String>) -> C {
    match read::<C>() {
        Ok(config) => match check(&config) {
            Ok(()) => config,
            Err(line) => refuse::<C>(&line),
        },
        Err(error) if matches!(error.kind(), DisplayHelp | DisplayVersion) => error.exit(),
        Err(error) => {
            let text = error.to_string();
            // Everything up to the first empty line is the error; the rest is usage.
            let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
            refuse::<C>(lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: "))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the configuration")]
fn read<C: Parser>() -> Result<C, clap::Error> {
    let unset = |arg: Arg| {
        let is_empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if is_empty { arg.env(None::<&'static str>) } else { arg }
    };
    let command = C::command().mut_args(unset).mut_subcommands(|command| command.mut_args(unset));
    C::from_arg_matches(&command.try_get_matches()?)
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
fn refuse<C: Parser>(line: &str) -> ! {
    eprintln!("{}: {line}", C::command().get_name());
    std::process::exit(2)
}

/// The path of an SQLite file, also as `sqlite:PATH`.
///
/// # Errors
/// One line that says what else was given.
pub fn database(text: &str) -> Result<PathBuf, String> {
    if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        return Err("this version keeps its state in SQLite only; give the path of a file".to_owned());
    }
    let path = text.strip_prefix("sqlite:").map_or(text, |rest| rest.strip_prefix("//").unwrap_or(rest));
    match path {
        "" => Err("the path is empty".to_owned()),
        path if path.contains('?') => Err("a path takes no parameters".to_owned()),
        ":memory:" => Err("a database in memory loses everything; give the path of a file".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}

/// An http(s) origin with nothing behind it, so that paths can be appended.
///
/// # Errors
/// One line that says what a URL has to be.
pub fn origin(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.ok_or("a URL begins with https:// or http://")?.trim_end_matches('/');
    host.parse::<ServerName>().map_err(|_| "a URL is a scheme and a host, without a path")?;
    Ok(text.trim_end_matches('/').to_owned())
}

/// A filter of the log. It is not `Clone`, so its text is kept once it is known to be good.
///
/// # Errors
/// What is wrong with the filter.
pub fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// A network, or one address.
///
/// # Errors
/// One line that says how networks are written.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "a network is written 10.0.0.0/8 or fd00::/8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases() {
        for (text, path) in [("a.db", "a.db"), ("sqlite:a.db", "a.db"), ("sqlite:///var/a.db", "/var/a.db")] {
            assert_eq!(database(text), Ok(PathBuf::from(path)));
        }
        for bad in
            ["", "sqlite:", ":memory:", "sqlite::memory:", "sqlite:a.db?mode=rwc", "postgres://x/y", "postgresql://x/y"]
        {
            assert!(database(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins() {
        assert_eq!(origin("https://kez.example/"), Ok("https://kez.example".to_owned()));
        assert_eq!(origin("http://localhost:6969"), Ok("http://localhost:6969".to_owned()));
        for bad in ["", "kez.example", "ftp://kez.example", "https://", "https://a/b", "https://a?b", "https://u@a"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks() {
        assert!(network("127.0.0.1").is_ok_and(|net| net.prefix_len() == 32));
        assert!(network("fd00::/8").is_ok());
        assert!(network("10.0.0.0/33").is_err());
    }
}
