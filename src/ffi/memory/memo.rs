//! Values that are made when they are first needed, while requests are served.

use std::cell::RefCell;
use std::collections::HashMap;

/// There is no memory for a value.
pub(crate) struct OutOfMemory;

/// Values by number, which stay in place as long as this one exists.
pub(crate) struct Memo<T>(RefCell<HashMap<usize, Option<Place<T>>>>);

/// A value in separate memory: a vector of one, since a box would abort the process if there is no
/// memory.
type Place<T> = Vec<T>;

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Memo<T> {
    /// The value of this number. If there is none yet, `make` makes it, which can be nothing.
    pub(crate) fn get(
        &self,
        number: usize,
        make: impl FnOnce() -> Option<T>,
    ) -> Result<Option<&T>, OutOfMemory> {
        if let Some(found) = self.find(number) {
            return Ok(found);
        }
        let mut place = Vec::new();
        place.try_reserve_exact(1).map_err(|_| OutOfMemory)?;
        let made = make().map(|value| {
            place.push(value);
            place
        });
        let mut values = self.0.borrow_mut();
        values.try_reserve(1).map_err(|_| OutOfMemory)?;
        // Asking for this one may have made it.
        values.entry(number).or_insert(made);
        drop(values);
        Ok(self.find(number).flatten())
    }

    fn find(&self, number: usize) -> Option<Option<&T>> {
        let values = self.0.borrow();
        let place = values.get(&number)?;
        let value = place.as_ref().map(|place| place.as_ptr());
        // SAFETY: the only element of a vector, which is neither changed nor removed while this one lives;
        // its memory stays where it is when the map grows.
        Some(value.map(|value| unsafe { &*value }))
    }
}

#[cfg(test)]
mod tests {
    use super::Memo;

    #[test]
    fn a_value_is_made_once_and_stays_where_it_is() {
        let memo = Memo::default();
        let get = |number: usize| {
            let made = memo.get(number, || (number != 3).then(|| vec![number]));
            made.ok().expect("memory")
        };
        let first = get(0).expect("a value");
        for number in 1..100 {
            assert_eq!(get(number).is_none(), number == 3);
        }
        assert!(std::ptr::eq(
            first,
            memo.get(0, || None).ok().flatten().expect("a value")
        ));
        assert_eq!(*first, [0]);
        assert!(memo.get(3, || Some(Vec::new())).ok().flatten().is_none());
    }

    #[test]
    fn a_value_may_be_asked_for_while_it_is_made() {
        let memo = Memo::default();
        let inner = || memo.get(7, || Some("inner")).ok().flatten().copied();
        let outer = memo.get(7, || inner().map(|_| "outer"));
        assert_eq!(outer.ok().flatten(), Some(&"inner"));
    }
}
