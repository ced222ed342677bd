//! What the traits promise, as stories that are told to every engine. Another engine implements `Engine`, and gets a line of
//! its own at the end of this file.

mod guarantees {
    pub(super) mod atomic;
    pub(super) mod damage;
    pub(super) mod durable;
    pub(super) mod engine;
    pub(super) mod follow;
    pub(super) mod idempotent;
    pub(super) mod people;
    pub(super) mod refused;
    pub(super) mod sqlite;
    pub(super) mod winner;
}

/// Tells each story to an engine, as a test of its own.
macro_rules! tell {
    ($name:ident: $engine:ty) => {
        mod $name {
            tell! { @ $engine:
                durable::what_was_answered_outlives_the_process,
                durable::changes_are_told_once_they_are_durable_and_before_the_answer,
                durable::what_cannot_be_written_is_refused_and_may_be_asked_again,
                atomic::an_event_and_its_handle_change_together,
                atomic::what_the_handles_refuse_is_in_no_log,
                winner::one_of_many_gets_a_handle,
                winner::a_key_gets_one_of_many_handles,
                winner::one_of_many_events_stands_behind_a_head,
                refused::a_refused_change_spoils_no_other,
                idempotent::a_registration_is_made_once,
                idempotent::a_release_is_accepted_once,
                idempotent::an_event_is_stored_once,
                idempotent::a_step_may_be_taken_again,
                idempotent::keys_that_sign_receipts_are_kept_in_the_order_of_their_first_use,
                follow::handles_follow_chains_of_another_server,
                follow::what_is_not_taken_in_is_remembered,
                damage::a_damaged_handle_holds_up_nobody_else,
                damage::a_damaged_chain_holds_up_nobody_else,
            }
        }
    };
    (@ $engine:ty: $($module:ident::$story:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::guarantees::$module::$story(&<$engine>::default()).await;
            }
        )+
    };
}

tell! { sqlite_keeps: super::guarantees::sqlite::Sqlite }
