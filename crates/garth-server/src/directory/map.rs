//! A hash map that is cheap to copy and cheap to change in the copy: the directory's
//! snapshots share all shards but the ones a write touched.

use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// Enough shards that copying one is short (1,000,000 keys: 4,000 each), few enough that
/// copying the list of shards is, too.
const SHARDS: usize = 256;

/// A persistent map.
pub struct Map<K, V> {
    shards: Arc<Vec<Arc<HashMap<K, V>>>>,
    hasher: DefaultHashBuilder,
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Self { shards: Arc::clone(&self.shards), hasher: self.hasher.clone() }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        let empty: Arc<HashMap<K, V>> = Arc::default();
        Self { shards: Arc::new(vec![empty; SHARDS]), hasher: DefaultHashBuilder::default() }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Map<K, V> {
    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The top bits: the shards' own tables use the others.
        (self.hasher.hash_one(key) >> 56) as usize % SHARDS
    }

    /// The value of a key.
    pub fn get<Q: Hash + hashbrown::Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.shards.get(self.shard(key))?.get(key)
    }

    /// Every value, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.values())
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        let shard = self.shard(&key);
        if let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(shard) {
            Arc::make_mut(shard).insert(key, value);
        }
    }

    /// Takes a key away and answers its value.
    pub fn remove<Q: Hash + hashbrown::Equivalent<K> + ?Sized>(&mut self, key: &Q) -> Option<V> {
        self.get(key)?;
        let shard = self.shard(key);
        let shard = Arc::make_mut(&mut self.shards).get_mut(shard)?;
        Arc::make_mut(shard).remove(key)
    }
}
