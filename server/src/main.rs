//! The program: configuration, log, signals.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use kez_chat_server::StartError;
use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_chat_server::config::{self, Command, Config};
use kez_chat_server::init::{self, InitError};
use kez_chat_server::{doctor, healthcheck, random};
use kez_http::log;
use kez_http::serve::listen;
use kez_http::signals::told_to_end;
use kez_store::sqlite;
use tokio::sync::watch;

/// The system's allocator keeps what it once had, and others give back only where somebody allocates again; this one gives
/// back what was not used for ten seconds, by a thread of its own, also of an idle program.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = config::parse_or_exit();
    start_log(&config);
    let done = match &config.command {
        Some(Command::Backup { file, db }) => sqlite::backup(db, file).await,
        Some(Command::Restore { file, db }) => restore(file, db).await,
        Some(Command::Init(settings)) => initialise(settings),
        Some(Command::Doctor) => examine(&config).await,
        Some(Command::Healthcheck { bind }) => healthcheck::run(*bind),
        None => serve(&config).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn initialise(settings: &init::Settings) -> Result<(), String> {
    let random = || random::key_bytes().map_err(|error| InitError::Random(error.to_string()));
    let report = init::run(settings, &random).map_err(|error| error.to_string())?;
    std::io::stdout().write_all(report.as_bytes()).map_err(|error| format!("standard output: {error}"))
}

async fn restore(file: &Path, db: &Path) -> Result<(), String> {
    let report = sqlite::restore(&sqlite::CHAT_SERVER, file, db, SystemClock.now()).await?;
    std::io::stdout().write_all(report.as_bytes()).map_err(|error| format!("standard output: {error}"))
}

async fn examine(config: &Config) -> Result<(), String> {
    let findings = doctor::examine(config, &config.nats.resolve()?, &SystemClock).await;
    let report: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    std::io::stdout().write_all(report.as_bytes()).map_err(|error| format!("standard output: {error}"))?;
    match findings.iter().filter(|finding| finding.is_failure()).count() {
        0 => Ok(()),
        1 => Err("1 check failed".to_owned()),
        failed => Err(format!("{failed} checks failed")),
    }
}

async fn serve(config: &Config) -> Result<(), String> {
    let listener = listen(config.bind).await?;
    let (stop, stopped) = watch::channel(());
    let told = told_to_end().map_err(|error| format!("signals cannot be heard: {error}"))?;
    tokio::spawn(async move {
        told.await;
        drop(stop);
    });
    let stopped = move || {
        let mut stopped = stopped.clone();
        // The sender never sends; waiting ends when it is dropped.
        async move { drop(stopped.changed().await) }
    };
    if let Some(address) = config.metrics_bind {
        let listener = listen(address).await?;
        let stopped = stopped();
        tokio::spawn(async move {
            if let Err(error) = kez_chat_server::serve_metrics(listener, stopped).await {
                tracing::error!(%error, "metrics are not served");
            }
        });
    }
    let served = kez_chat_server::run(config, Arc::new(SystemClock), listener, stopped()).await;
    served.map_err(|error| match error {
        StartError::Store(error) => format!("{}: {error}", config.db.display()),
        StartError::Broker(why) | StartError::Chains(why) => why,
    })?;
    tracing::info!("kez-chat-server has stopped");
    Ok(())
}

fn start_log(config: &Config) {
    // The client library reports each step of a connection that this program reports too; a filter that names it wins.
    // The doctor tells in its own words what the library meets.
    let library = if matches!(config.command, Some(Command::Doctor)) { "off" } else { "warn" };
    log::start(&format!("async_nats={library},{}", config.log));
}
