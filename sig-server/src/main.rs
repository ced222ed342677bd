//! The program: configuration, log, signals.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use kez_http::clock::{Clock as _, SystemClock};
use kez_http::log;
use kez_http::serve::listen;
use kez_http::signals::told_to_end;
use kez_sig_server::config::{self, Command, Config};
use kez_store::sqlite;

/// The system's allocator keeps what it once had, and others give back only where somebody allocates again; this one gives
/// back what was not used for ten seconds, by a thread of its own, also of an idle program.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let config = config::parse_or_exit();
    log::start(&config.log);
    let done = match &config.command {
        Some(Command::Verify) => verify(&config).await,
        Some(Command::Backup { file }) => sqlite::backup(&config.db, file).await.map(|()| ExitCode::SUCCESS),
        Some(Command::Restore { file }) => restore(&config, file).await.map(|()| ExitCode::SUCCESS),
        None => serve(&config).await.map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        tracing::error!("{error}");
        ExitCode::FAILURE
    })
}

/// Prints the report; the exit code tells whether all is well.
async fn verify(config: &Config) -> Result<ExitCode, String> {
    let report = kez_sig_server::verify(config).await?;
    let text = serde_json::to_string(&report).map_err(|error| error.to_string())?;
    writeln!(std::io::stdout().lock(), "{text}").map_err(|error| error.to_string())?;
    Ok(if report.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn restore(config: &Config, file: &Path) -> Result<(), String> {
    let report = sqlite::restore(&sqlite::SIG_SERVER, file, &config.db, SystemClock.now()).await?;
    std::io::stdout().write_all(report.as_bytes()).map_err(|error| format!("standard output: {error}"))
}

async fn serve(config: &Config) -> Result<(), String> {
    let listener = listen(config.bind).await?;
    let told = told_to_end().map_err(|error| format!("signals cannot be heard: {error}"))?;
    kez_sig_server::run(config, Arc::new(SystemClock), listener, told).await?;
    tracing::info!("kez-sig-server has stopped");
    Ok(())
}
