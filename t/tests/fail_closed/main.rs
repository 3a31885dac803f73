//! Nothing leaves unsigned.

mod forms;
mod requests;
mod values;
