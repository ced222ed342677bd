//! A map in one sorted list: for the members of a document, and the few keys, devices and claims that an identity has.
//!
//! A tree would be as quick and its code many times as large, once for each kind of value, in a program that browsers
//! download. Adding moves what stands behind: with the ten thousand entries that a log may have, some ten microseconds.

use std::borrow::Borrow;

use serde::{Serialize, Serializer};

/// Values by key, in the order of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Sorted(Vec::new())
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// A map of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Sorted(Vec::new())
    }

    /// A map of these, in whatever order they are; none where two have one key. However long the list, this takes no
    /// more than sorting it.
    #[must_use]
    pub fn of(mut all: Vec<(K, V)>) -> Option<Self> {
        let is_ascending = |all: &[(K, V)]| all.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !is_ascending(&all) {
            all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        }
        is_ascending(&all).then_some(Sorted(all))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| &self.0[at].1)
    }

    /// Whether `key` has a value.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Gives `key` a value; returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// The value of `key`, which is `V`'s default if it had none.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = self.place(&key).unwrap_or_else(|at| {
            self.0.insert(at, (key, V::default()));
            at
        });
        &mut self.0[at].1
    }

    /// Takes the value of `key` away.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| self.0.remove(at).1)
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone + use<'_, K, V> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone + use<'_, K, V> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone + use<'_, K, V> {
        self.0.iter().map(|(_, value)| value)
    }

    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }
}

impl<K: Ord, V> Extend<(K, V)> for Sorted<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, all: I) {
        for (key, value) in all {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Sorted<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let mut sorted = Sorted::default();
        sorted.extend(all);
        sorted
    }
}

impl<K, V> IntoIterator for Sorted<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Sorted<K, V> {
    fn from(all: [(K, V); N]) -> Self {
        all.into_iter().collect()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Sorted<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_in_order_and_has_each_key_once() {
        let mut map: Sorted<u8, char> = [(3, 'c'), (1, 'a'), (3, 'C'), (2, 'b')].into_iter().collect();
        assert_eq!(map.iter().collect::<Vec<_>>(), [(&1, &'a'), (&2, &'b'), (&3, &'C')]);
        assert_eq!((map.get(&2), map.get(&4), map.contains_key(&1)), (Some(&'b'), None, true));
        assert_eq!((map.insert(2, 'B'), map.insert(0, 'z')), (Some('b'), None));
        assert_eq!((map.remove(&1), map.remove(&1), map.len()), (Some('a'), None, 3));
        map.or_default(9).clone_from(&'i');
        assert_eq!(*map.or_default(9), 'i');
        assert_eq!(map.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [0, 2, 3, 9]);
    }

    #[test]
    fn a_list_is_put_in_order_unless_a_key_is_there_twice() {
        let list = |keys: &[u8]| keys.iter().map(|key| (*key, ())).collect::<Vec<_>>();
        for (keys, sorted) in [(&[][..], &[][..]), (&[1, 2, 3], &[1, 2, 3]), (&[3, 1, 2], &[1, 2, 3])] {
            let map = Sorted::of(list(keys)).expect("no key is there twice");
            assert_eq!(map.keys().copied().collect::<Vec<_>>(), sorted);
        }
        for keys in [&[1, 1][..], &[2, 1, 2], &[1, 2, 2, 3]] {
            assert_eq!(Sorted::of(list(keys)), None, "{keys:?}");
        }
    }
}
