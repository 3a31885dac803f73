//! Which directives apply in a location, and where they come from.
//!
//! From the outside in, directives are written in http{} and server{}, in the `upstream{}` that a
//! request is sent to, in the location, and in the locations around it. The upstream is known last,
//! so the layers are kept and combined for each upstream.

use std::borrow::Cow;
use std::rc::Rc;

use super::{Directives, Sign};

/// The directives around a location and in it. Locations that do not differ share them.
#[derive(Clone)]
pub(super) struct Layers {
    /// Those that apply in server{}.
    around: Rc<Directives>,
    /// The blocks of locations, from the outside in.
    locations: Rc<[Layer]>,
}

#[derive(Clone)]
struct Layer {
    /// `None` for a block without directives, which still ends a bare `aws_sign`.
    written: Option<Rc<Directives>>,
    /// Whether it is an `if` or `limit_except`.
    is_condition: bool,
}

/// Distinguishes layers of the same configuration.
pub(super) type LayersKey = (usize, Vec<(usize, bool)>);

impl Layers {
    /// The layers of a server{} with the directives `written`, in an http{} with these.
    pub(super) fn of_server(http: &Directives, written: &Directives) -> Self {
        Self {
            around: Rc::new(written.within(http, false)),
            locations: Rc::default(),
        }
    }

    /// The layers of a block inside this one, with its directives if it has any.
    pub(super) fn inside(&self, written: Option<Directives>, is_condition: bool) -> Self {
        let changes_nothing = |last: &Layer| {
            written.is_none() && last.written.is_none() && (is_condition || !last.is_condition)
        };
        if self.locations.last().is_some_and(changes_nothing) {
            return self.clone();
        }
        let layer = Layer {
            written: written.map(Rc::new),
            is_condition,
        };
        let locations = self.locations.iter().cloned().chain([layer]);
        Self {
            around: Rc::clone(&self.around),
            locations: locations.collect(),
        }
    }

    pub(super) fn key(&self) -> LayersKey {
        let locations = self.locations.iter();
        let of_layer = |layer: &Layer| {
            let written = layer.written.as_ref();
            let written = written.map_or(0, |written| Rc::as_ptr(written) as usize);
            (written, layer.is_condition)
        };
        (
            Rc::as_ptr(&self.around) as usize,
            locations.map(of_layer).collect(),
        )
    }

    /// The directives that apply to requests to an `upstream{}` with the directives `upstream`, or
    /// to one without any.
    pub(super) fn for_upstream(&self, upstream: Option<&Directives>) -> Directives {
        let around = match upstream {
            Some(upstream) => upstream.within(&self.around, true),
            None => Directives::clone(&self.around),
        };
        self.locations.iter().fold(around, |outer, layer| {
            let nothing = || Cow::Owned(Directives::default());
            let written = layer.written.as_deref().map_or_else(nothing, Cow::Borrowed);
            written.within(&outer, layer.is_condition)
        })
    }

    /// The value of one directive for such requests.
    pub(super) fn find<'a, T>(
        &'a self,
        upstream: Option<&'a Directives>,
        directive: impl Fn(&'a Directives) -> Option<&'a T>,
    ) -> Option<&'a T> {
        let locations = self.locations.iter().rev();
        let mut written = locations
            .filter_map(|layer| layer.written.as_deref())
            .chain(upstream)
            .chain([&*self.around]);
        written.find_map(directive)
    }

    /// The `aws_sign` of the location, or of those around it.
    pub(super) fn own_sign(&self) -> Option<&Sign> {
        self.locations.iter().fold(None, |outer, layer| {
            let written = layer.written.as_ref();
            let written = written.and_then(|written| written.sign.as_ref());
            let inherited = outer.filter(|sign: &&Sign| sign.is_inherited(layer.is_condition));
            written.or(inherited)
        })
    }
}
