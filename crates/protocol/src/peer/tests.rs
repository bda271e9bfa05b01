//! Golden bytes; see the parent module.
