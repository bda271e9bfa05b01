//! What was made of one thing in the encodings that somebody has asked for.
//!
//! For the rooms and the workers, which make each form once and share it. Invariant: a form that nobody asks for is not made,
//! and takes no memory.

use watershed_protocol::client::Encoding;

/// At most one value for each encoding.
#[derive(Clone, Debug)]
pub struct Forms<T>(Vec<(Encoding, T)>);

impl<T> Forms<T> {
    /// The form in this encoding, if it was made.
    pub fn get(&self, encoding: Encoding) -> Option<&T> {
        self.0.iter().find(|(of, _)| *of == encoding).map(|(_, form)| form)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, encoding: Encoding) -> Option<&mut T> {
        self.0.iter_mut().find(|(of, _)| *of == encoding).map(|(_, form)| form)
    }

    /// All that were made.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, form)| form)
    }

    /// Keeps the form in this encoding, in place of the one before.
    pub fn put(&mut self, encoding: Encoding, form: T) {
        match self.get_mut(encoding) {
            Some(kept) => *kept = form,
            None => {
                // Mostly all viewers of a stream use one encoding; a list that grows by itself begins with four places.
                self.0.reserve_exact(1);
                self.0.push((encoding, form));
            }
        }
    }

    /// Forgets all, for what they were made of is another now, and takes no memory until one is made again.
    pub fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

impl<T> Default for Forms<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_has_the_form_that_was_put_last() {
        let mut forms = Forms::default();
        assert_eq!(forms.get(Encoding::Json), None);
        forms.put(Encoding::Json, 1);
        forms.put(Encoding::Compact, 2);
        forms.put(Encoding::Json, 3);
        assert_eq!(Encoding::ALL.map(|encoding| forms.get(encoding).copied()), [Some(3), None, Some(2), None]);
        forms.clear();
        assert_eq!(forms.get(Encoding::Json), None);
    }
}
