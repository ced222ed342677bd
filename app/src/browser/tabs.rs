//! The tabs of this origin: one of them does what only one should, and all hear of it.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

/// Being the one tab that does something. Another one may, once this is dropped or the tab is gone.
pub(crate) struct Turn {
    release: Option<Function>,
}

impl Turn {
    /// Waits until this tab's turn comes (Web Locks). In a browser without locks it comes at once.
    pub(crate) async fn take(name: &str) -> Turn {
        Turn { release: Turn::request(name).await.ok() }
    }

    /// The bindings have no stable calls for locks.
    async fn request(name: &str) -> Result<Function, JsValue> {
        let navigator = web_sys::window().ok_or(JsValue::UNDEFINED)?.navigator();
        let locks = Reflect::get(&navigator, &"locks".into())?;
        let request: Function = Reflect::get(&locks, &"request".into())?.dyn_into()?;
        let mut failed = None;
        let granted = Promise::new(&mut |resolve, _| {
            // The lock is held for as long as the promise that this returns is open.
            let held = Closure::once_into_js(move || {
                Promise::new(&mut |release, _| {
                    let _resolved = resolve.call1(&JsValue::UNDEFINED, &release);
                })
            });
            failed = request.call2(&locks, &name.into(), &held).err();
        });
        match failed {
            Some(error) => Err(error),
            None => JsFuture::from(granted).await?.dyn_into(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            let _resolved = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Says `text` on the channel of this name, in this tab as in all others.
pub(crate) fn say(name: &str, text: &str) {
    if let Ok(channel) = BroadcastChannel::new(name) {
        // Texts can always be said, and are under way once this returns.
        let _said = channel.post_message(&text.into());
        channel.close();
    }
}

/// Hears what is said on a channel until it is dropped.
pub(crate) struct Channel {
    channel: Option<BroadcastChannel>,
    _heard: Closure<dyn FnMut(MessageEvent)>,
}

impl Channel {
    /// Opens the channel of this name; `heard` gets every text.
    pub(crate) fn open(name: &str, mut heard: impl FnMut(String) + 'static) -> Channel {
        let channel = BroadcastChannel::new(name).ok();
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                heard(text);
            }
        });
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        }
        Channel { channel, _heard: heard }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.close();
        }
    }
}
