//! What an island remembers.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use leptos::prelude::*;

type Value = Arc<dyn Any + Send + Sync>;

/// A signal that is followed as every other, whatever it holds. Signals are generic over that, and each type would bring
/// all of their code into the wasm once more; behind this they are all of one type.
pub(super) struct Var<T>(RwSignal<Value>, PhantomData<fn() -> T>);

impl<T> Clone for Var<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Var<T> {}

impl<T: Send + Sync + 'static> Var<T> {
    /// A signal that holds `value`.
    pub(super) fn new(value: T) -> Self {
        Var(RwSignal::new(Arc::new(value)), PhantomData)
    }

    /// Holds `value` from now on, and tells everyone who follows.
    pub(super) fn set(self, value: T) {
        self.0.set(Arc::new(value));
    }

    /// What `read` makes of the value; whoever runs this follows it.
    pub(super) fn with<U>(self, read: impl FnOnce(&T) -> U) -> U {
        read(typed(&self.0.get()))
    }

    /// The same, and nobody follows.
    pub(super) fn with_untracked<U>(self, read: impl FnOnce(&T) -> U) -> U {
        read(typed(&self.0.get_untracked()))
    }
}

impl<T: Clone + Send + Sync + 'static> Var<T> {
    /// The value; whoever runs this follows it.
    pub(super) fn get(self) -> T {
        self.with(T::clone)
    }

    /// The value; nobody follows.
    pub(super) fn get_untracked(self) -> T {
        self.with_untracked(T::clone)
    }
}

fn typed<T: 'static>(value: &Value) -> &T {
    value.downcast_ref().expect("a `Var<T>` is only ever given a `T`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_it_was_given_last() {
        let owner = Owner::new();
        owner.with(|| {
            let (text, number) = (Var::new("a".to_owned()), Var::new(1));
            text.set("b".to_owned());
            number.set(2);
            assert_eq!((text.get_untracked(), number.with_untracked(|n| n + 1)), ("b".to_owned(), 3));
        });
    }
}
