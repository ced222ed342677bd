//! How SQLite answers questions: by an index, whatever is stored.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The statements that the library reported.
#[derive(Clone, Default)]
pub(super) struct Statements(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Statements {
    fn record_str(&mut self, field: &Field, value: &str) {
        // A short one is the whole summary.
        if matches!(field.name(), "db.statement" | "summary") && !value.is_empty() && !value.ends_with('…') {
            self.0.lock().expect("nobody panicked").push(value.trim().to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Statements {
    /// Hears of what every connection that reports its statements does from now on, in every test of this process.
    pub(super) fn listen() -> Statements {
        static ALL: OnceLock<Statements> = OnceLock::new();
        let listen = || {
            let statements = Statements::default();
            let subscriber = tracing_subscriber::registry().with(statements.clone());
            tracing::subscriber::set_global_default(subscriber).expect("nobody else sets one");
            statements
        };
        ALL.get_or_init(listen).clone()
    }

    /// Panics if any of them scans a table; gives their texts.
    pub(super) async fn judge(&self, db: &mut SqliteConnection) -> String {
        let mut asked = self.0.lock().expect("nobody panicked").clone();
        asked.sort();
        asked.dedup();
        let mut seen = String::new();
        for sql in asked {
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&mut *db)
                .await
                .expect("a plan");
            // What a statement brings along is looked at from its beginning to its end.
            let brought = ["(subquery", "CONSTANT ROW", "VALUES CLAUSE"];
            let is_brought = |what: &str| what == "w" || brought.iter().any(|words| what.contains(words));
            let is_scan = |step: &str| step.strip_prefix("SCAN ").is_some_and(|what| !is_brought(what));
            // The first so many rows in their own order are looked at without an index.
            let is_bounded = sql.contains("ORDER BY number LIMIT ?2");
            assert!(is_bounded || !plan.iter().any(|step| is_scan(&step.3)), "{sql}\n{plan:?}");
            seen.push_str(&sql);
        }
        seen
    }
}
