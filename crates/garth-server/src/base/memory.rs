//! What a noun keeps in memory for as long as the server runs: one thing of each type, made when it is first asked for.

use hashbrown::HashMap;
use std::any::{Any, TypeId};
use std::sync::{Arc, Mutex, PoisonError};

/// One thing of each type.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Memory {
    /// The one thing of that type.
    pub fn of<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let made = kept.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        // It was put in under its own type.
        Arc::clone(made).downcast().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_of_each_type() {
        let memory = Memory::default();
        *memory.of::<Mutex<u32>>().lock().expect("a number") = 7;
        assert_eq!(*memory.of::<Mutex<u32>>().lock().expect("a number"), 7);
        assert_eq!(*memory.of::<Mutex<u64>>().lock().expect("a number"), 0);
    }
}
