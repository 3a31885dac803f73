//! Values that prove that blocks have been merged, for what can be done only then.

use std::ops::Deref;

use crate::ffi::conf::Conf;

/// A block that is being merged. nginx's own modules have merged it already: modules are merged one
/// after the other, and a module that is loaded or added to the build comes after nginx's own.
pub(crate) struct MergedBlock<'c>(&'c Conf);

impl<'c> MergedBlock<'c> {
    /// To be called when nginx has this module merge a block.
    pub(in crate::ffi) fn new(conf: &'c Conf) -> Self {
        Self(conf)
    }
}

impl Deref for MergedBlock<'_> {
    type Target = Conf;

    fn deref(&self) -> &Conf {
        self.0
    }
}

/// A configuration all of whose blocks have been merged. The modules of nginx have put their handlers and
/// filters into place.
pub(crate) struct MergedConf<'c>(&'c Conf);

impl<'c> MergedConf<'c> {
    /// To be called when nginx reports that http{} is complete.
    pub(in crate::ffi) fn new(conf: &'c Conf) -> Self {
        Self(conf)
    }
}

impl Deref for MergedConf<'_> {
    type Target = Conf;

    fn deref(&self) -> &Conf {
        self.0
    }
}
