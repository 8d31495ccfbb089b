//! Differences, as `git diff` has them.
