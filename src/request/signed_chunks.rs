//! Puts the body into signed chunks while nginx sends it.

use aws_sealing::{Stream, StreamError};

use crate::ffi::http::output::BodyTransform;

impl BodyTransform for Stream {
    type Error = StreamError;

    fn restart(&mut self) {
        self.restart();
    }

    fn update(&mut self, input: &[u8]) -> Result<usize, StreamError> {
        self.update(input)
    }

    fn frame(&self) -> &[u8] {
        self.frame()
    }

    fn sent(&mut self) {
        self.sent();
    }
}
