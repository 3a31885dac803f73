//! The directive of the status page.

use std::rc::Rc;

use super::DirectiveError;
use super::providers::list;
use crate::conf::MainConf;
use crate::ffi::conf::Conf;
use crate::request;

/// From now on requests are counted. It may be repeated: there can be several locations.
pub(crate) fn status(main: &mut MainConf, conf: &Conf) -> Result<(), DirectiveError> {
    list(main)?.counting.get_or_insert_with(Rc::default);
    conf.set_content_handler(request::status)
        .ok_or(DirectiveError::Logged)
}
