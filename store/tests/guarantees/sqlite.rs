//! SQLite, in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use kez_core::{Handle, KeyId};
use kez_store::changes::Listener;
use kez_store::{Store, sqlite};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::engine::{Engine, policy};

pub(crate) struct Sqlite {
    folder: TempDir,
    blocker: Mutex<Option<SqliteConnection>>,
}

impl Default for Sqlite {
    fn default() -> Self {
        Sqlite { folder: tempfile::tempdir().expect("a folder"), blocker: Mutex::new(None) }
    }
}

impl Sqlite {
    fn db(&self) -> PathBuf {
        self.folder.path().join("kez.db")
    }

    async fn connect(&self) -> SqliteConnection {
        SqliteConnectOptions::new().filename(self.db()).connect().await.expect("a connection")
    }

    async fn number(&self, sql: String) -> i64 {
        let mut db = self.connect().await;
        let number = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut db).await.expect("a number");
        db.close().await.expect("it closes");
        number
    }

    async fn run(&self, sql: String) {
        let mut db = self.connect().await;
        let changed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut db).await.expect("SQL").rows_affected();
        assert!(changed > 0, "there is such a row");
        db.close().await.expect("it closes");
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn open_with(&self, listener: Arc<dyn Listener>) -> Arc<dyn Store> {
        sqlite::open(&self.db(), policy(), listener).await.expect("a database")
    }

    async fn after_death(&self) -> Arc<dyn Store> {
        let folder = self.folder.path().join("after death");
        fs::create_dir(&folder).expect("a folder");
        for name in ["kez.db", "kez.db-wal"] {
            fs::copy(self.folder.path().join(name), folder.join(name)).expect("a copy");
        }
        open(&folder.join("kez.db")).await
    }

    async fn block(&self) {
        let mut db = self.connect().await;
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut db).await.expect("the write lock");
        *self.blocker.lock().await = Some(db);
    }

    async fn unblock(&self) {
        self.blocker.lock().await.take().expect("it is blocked").close().await.expect("it closes");
    }

    async fn rows_of_packages(&self) -> [i64; 6] {
        let tables = [
            "key_packages",
            "last_resort_packages",
            "key_package_uploads",
            "key_package_claims",
            "key_package_answers",
            "key_package_draws",
        ];
        let mut rows = [0; 6];
        for (table, rows) in tables.into_iter().zip(&mut rows) {
            *rows = self.number(format!("SELECT count(*) FROM {table}")).await;
        }
        rows
    }

    async fn rows_of_conversations(&self) -> [i64; 4] {
        let mut rows = [0; 4];
        for (what, rows) in [
            "count(*) FROM conversations",
            "count(*) FROM commits",
            "count(*) FROM conversation_starters",
            "coalesce(sum(log_bytes), 0) FROM conversation_starters",
        ]
        .into_iter()
        .zip(&mut rows)
        {
            *rows = self.number(format!("SELECT {what}")).await;
        }
        let of_conversations = self.number("SELECT coalesce(sum(log_bytes), 0) FROM conversations".to_owned()).await;
        assert_eq!(rows[3], of_conversations, "both count the same");
        rows
    }

    async fn rows_of_instances(&self) -> [i64; 3] {
        let mut rows = [0; 3];
        for (table, rows) in
            ["chat_instances", "chat_instance_envelopes", "followed_instances"].into_iter().zip(&mut rows)
        {
            *rows = self.number(format!("SELECT count(*) FROM {table}")).await;
        }
        rows
    }

    async fn packages_of(&self, device: &KeyId) -> i64 {
        let of = |table| format!("(SELECT count(package) FROM {table} WHERE device = x'{}')", device.hex());
        self.number(format!("SELECT {} + {}", of("key_packages"), of("last_resort_packages"))).await
    }

    async fn damage_handle(&self, handle: &Handle) {
        self.run(format!("UPDATE handles SET primary_key = 'nonsense' WHERE handle = '{handle}'")).await;
    }

    async fn damage_keys(&self, chain: &KeyId) {
        self.run(format!("UPDATE chain_keys SET key = 'nonsense' WHERE chain = '{chain}' AND key <> chain")).await;
    }
}

async fn open(path: &Path) -> Arc<dyn Store> {
    sqlite::open(path, policy(), Arc::new(())).await.expect("a database")
}
