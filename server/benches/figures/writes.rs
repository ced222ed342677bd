//! Durable registrations against the same rows, one INSERT a commit; and what one costs in CPU time.

use std::time::Instant;

use kez_chat_server::clock::{Clock as _, SystemClock};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::load;
use crate::target;
use crate::{ROUNDS, report};

const CONNECTIONS: usize = 64;
/// Registrations a round.
const COUNT: u64 = 2_000;

pub(crate) async fn durable() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = target::ours(folder.path()).await;
    let pid = ours.child.id().expect("it runs");
    let (mut rounds, mut costs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS as u64 {
        let requests = (0..COUNT).map(|i| target::registration(&format!("h{round}-{i}"), round * COUNT + i)).collect();
        let before = cpu_seconds(pid);
        let measured = load::each(&ours.address, requests, CONNECTIONS, 201).await;
        let cost = (cpu_seconds(pid) - before) * 1e6 / 2_000.0;
        rounds.push((measured, one_a_commit(&folder.path().join(format!("limit{round}.db"))).await));
        costs.push((cost, bare_verification()));
    }
    report("durable registrations, 64 connections", "registrations/s", &rounds);
    report("CPU a registration, the whole server", "us", &costs);
}

/// The same rows as the server writes, one after the other on one connection, each in a commit of its own.
pub(crate) async fn one_a_commit(path: &std::path::Path) -> f64 {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut connection = options.disable_statement_logging().connect().await.expect("a database");
    let schema = include_str!("../../../store/migrations/sqlite/0001_handles.sql");
    sqlx::raw_sql(schema).execute(&mut connection).await.expect("the schema");
    let envelope = target::registration("tudisco", 1);
    let started = Instant::now();
    for i in 0..COUNT {
        let insert = "INSERT INTO handles (handle, primary_key, registered_at, registration) VALUES (?, ?, ?, ?)";
        let insert = sqlx::query(insert).bind(format!("h0-{i}")).bind(format!("ed25519:{i:064x}"));
        let insert = insert.bind(SystemClock.now().unix()).bind(&envelope);
        insert.execute(&mut connection).await.expect("a row");
    }
    let rate = f64::from(u32::try_from(COUNT).expect("a small count")) / started.elapsed().as_secs_f64();
    connection.close().await.expect("it closes");
    rate
}

/// Microseconds of a bare key parse and `verify_strict`.
fn bare_verification() -> f64 {
    use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
    let key = SigningKey::from_bytes(&[9; 32]);
    let message = [0x20; 240];
    let (public, signature) = (key.verifying_key().to_bytes(), key.sign(&message));
    let started = Instant::now();
    for _ in 0..2_000 {
        let public = VerifyingKey::from_bytes(std::hint::black_box(&public)).expect("a key");
        public.verify_strict(std::hint::black_box(&message), &signature).expect("a signature");
    }
    started.elapsed().as_secs_f64() * 1e6 / 2_000.0
}

/// User and system time of a process so far (proc(5): fields 14 and 15 of stat, in ticks of 10 ms).
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let (_, fields) = stat.rsplit_once(") ").expect("a program's name");
    let ticks: f64 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks / 100.0
}
