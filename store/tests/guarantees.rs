//! What the traits promise, as stories that are told to every engine. Another engine implements `Engine`, and gets a line of
//! its own at the end of this file.

mod guarantees {
    pub(super) mod atomic;
    pub(super) mod conversations;
    pub(super) mod conversations_limits;
    pub(super) mod damage;
    pub(super) mod durable;
    pub(super) mod engine;
    pub(super) mod follow;
    pub(super) mod idempotent;
    pub(super) mod instances;
    pub(super) mod packages;
    pub(super) mod packages_ended;
    pub(super) mod packages_limits;
    pub(super) mod people;
    pub(super) mod refused;
    pub(super) mod sqlite;
    pub(super) mod talkers;
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
                packages::what_was_answered_about_packages_outlives_the_process,
                packages::a_package_goes_to_one_of_many_claims,
                packages::claims_in_one_group_share_what_is_there,
                packages::an_upload_is_taken_once_and_a_package_too,
                packages::a_claim_again_gets_the_same,
                packages::what_is_refused_about_packages_spoils_nothing,
                packages::replacing_forgets_what_is_not_listed,
                packages::only_active_devices_are_given,
                packages_limits::a_device_has_so_many_packages,
                packages_limits::uploads_and_claims_are_counted_by_the_hour,
                packages_limits::one_identity_gets_so_many_of_a_device_in_a_day,
                packages_limits::what_is_over_is_deleted,
                packages_limits::a_clock_that_was_ahead_locks_nobody_out,
                packages_limits::the_oldest_of_very_many_are_forgotten,
                packages_ended::a_revoked_key_loses_its_packages_with_the_event,
                packages_ended::a_rotated_key_loses_its_packages,
                packages_ended::an_ended_chain_loses_all_packages,
                packages_ended::a_released_handle_loses_all_packages,
                packages_ended::a_followed_chain_loses_packages_as_its_own_would,
                packages_ended::a_refused_release_loses_nothing,
                packages_ended::an_upload_never_outlives_its_key,
                conversations::what_was_answered_about_conversations_outlives_the_process,
                conversations::one_of_many_commits_ends_an_epoch,
                conversations::one_of_many_starts_begins_a_conversation,
                conversations::a_group_decides_in_the_order_of_arrival,
                conversations::a_start_is_known_by_whose_it_is_and_its_gate,
                conversations::only_who_stands_for_an_identity_starts_for_it,
                conversations::a_commit_is_judged_in_order,
                conversations::a_log_is_read_in_parts,
                conversations::a_log_is_read_while_nothing_can_be_written,
                conversations_limits::an_identity_starts_so_many_in_a_day,
                conversations_limits::starts_at_once_are_counted_too,
                conversations_limits::a_conversation_has_so_many_commits_in_an_hour,
                conversations_limits::commits_at_once_are_counted_too,
                conversations_limits::a_log_and_a_starter_have_so_many_bytes,
                conversations_limits::commits_are_kept_for_ninety_days,
                conversations_limits::much_that_is_over_goes_in_pieces,
                conversations_limits::a_clock_that_was_ahead_stops_no_conversation,
                instances::one_life_of_a_state_goes_on,
                instances::an_instance_that_was_followed_is_never_kept_again,
                instances::one_of_many_copies_goes_on,
                instances::instances_are_counted_by_the_hour,
                instances::what_is_over_of_instances_is_deleted,
                instances::only_active_devices_have_instances,
                instances::what_is_refused_of_instances_spoils_nothing,
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
