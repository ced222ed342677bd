//! The browser's own interfaces, as thin as they go. Compiled for the server too, so that the islands need no second
//! spelling of themselves there, but never run: islands act in event handlers and effects, and a server has neither.

mod bell;
mod clock;
mod database;
mod fetch;
mod network;
mod object;
mod page;
mod paper;
mod storage_fault;
mod tabs;

pub(crate) use bell::Bell;
pub(crate) use clock::{now, server_now, set_server_time, sleep, wrong_clock};
pub(crate) use database::{Database, settled};
pub(crate) use fetch::{AbortOnDrop, Answer, Offline, get, get_within, post_json, send_json};
pub(crate) use network::{Listener, is_online};
pub(crate) use object::{member, object};
pub(crate) use page::{
    attribute, copy, draw, focus, is_checked, mark, on, on_press, on_submit, put, reveal, tell, text_of, value_of,
};
pub(crate) use paper::{download, fragment, on_fragment, on_leaving, on_window, origin, print};
pub(crate) use storage_fault::StorageFault;
pub(crate) use tabs::{Channel, Turn, say};
