//! How one ref or setting went.

/// What it was before the selected acts first touched it, what they left, and what it is at last.
pub(super) struct Course<T> {
    pub(super) before: Option<T>,
    pub(super) left: Option<T>,
    pub(super) last: Option<T>,
    touched: bool,
}

impl<T> Default for Course<T> {
    fn default() -> Self {
        Self { before: None, left: None, last: None, touched: false }
    }
}

impl<T: Clone + PartialEq> Course<T> {
    pub(super) fn step(&mut self, value: Option<T>, selected: bool) {
        if selected {
            if !self.touched {
                self.before = self.last.take();
            }
            self.touched = true;
            self.left = value.clone();
        }
        self.last = value;
    }

    /// To what it must be set; None: it stays.
    pub(super) fn put_back(&self) -> Option<&Option<T>> {
        (self.touched && self.last == self.left && self.last != self.before).then_some(&self.before)
    }

    /// Somebody else changed it afterwards.
    pub(super) fn is_built_on(&self) -> bool {
        self.touched && self.last != self.left && self.last != self.before
    }
}

#[cfg(test)]
mod tests {
    use super::Course;

    fn course(steps: &[(Option<u8>, bool)]) -> Course<u8> {
        let mut course = Course::default();
        steps.iter().for_each(|(value, selected)| course.step(*value, *selected));
        course
    }

    #[test]
    fn what_was_left_is_put_back_and_what_was_built_on_it_stays() {
        assert_eq!(course(&[(Some(1), false), (Some(2), true)]).put_back(), Some(&Some(1)));
        assert_eq!(course(&[(Some(1), true), (None, true)]).put_back(), None, "made and gone");
        assert_eq!(course(&[(Some(1), false), (Some(2), true), (Some(3), true)]).put_back(), Some(&Some(1)));
        let built = course(&[(Some(1), false), (Some(2), true), (Some(3), false)]);
        assert!(built.put_back().is_none() && built.is_built_on());
        let undone = course(&[(Some(1), false), (Some(2), true), (Some(1), false)]);
        assert!(undone.put_back().is_none() && !undone.is_built_on());
    }
}
