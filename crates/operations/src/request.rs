//! The operations that a request can ask for.

use crate::level::Levels;
use crate::method::Method;
use crate::operation::Operation;
use crate::parameters::Parameters;
use crate::selector::{Detail, SubResource};
use crate::set::OperationSet;
use crate::table::{Condition, ROWS, Row};

/// The parts of a request that determine its operation.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'a [u8],
    /// What its path names.
    pub levels: Levels,
    /// Its query.
    pub parameters: Parameters<'a>,
    /// Its headers.
    pub headers: Headers,
}

/// The headers that distinguish operations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers {
    /// `x-amz-copy-source`
    pub copy_source: bool,
    /// `x-amz-request-route`
    pub request_route: bool,
    /// `Content-Type: multipart/form-data`
    pub form: bool,
}

impl Request<'_> {
    /// The operations that servers can see in the request. All of them must be allowed.
    pub fn operations(&self) -> OperationSet {
        let unknown = OperationSet::of(Operation::UNKNOWN);
        let Some(method) = Method::of(self.method) else {
            return unknown;
        };
        if method == Method::Options {
            // A preflight asks about a request, and does not send it.
            return find(method, Levels::OBJECT, None, 0, 0);
        }
        if let (true, Some(level)) = (self.is_plain(), self.levels.single()) {
            return PLAIN[method as usize][level];
        }
        let reads = matches!(method, Method::Get | Method::Head);
        let strange = self.parameters.foreign || self.parameters.unknown && !reads;
        let needed = if strange {
            unknown
        } else {
            OperationSet::EMPTY
        };
        self.levels.each().fold(needed, |needed, level| {
            needed.with(self.operations_on(method, level))
        })
    }

    /// Whether only method and path determine the operation, as for nearly all requests.
    fn is_plain(&self) -> bool {
        let Headers {
            copy_source,
            request_route,
            form,
        } = self.headers;
        self.parameters.are_silent() && !(copy_source | request_route | form)
    }

    /// Whether all operations that servers can see in it are allowed.
    pub fn is_allowed(&self, allowed: OperationSet) -> bool {
        self.operations().without(allowed).is_empty()
    }

    fn operations_on(&self, method: Method, level: Levels) -> OperationSet {
        let Parameters {
            certain, uncertain, ..
        } = self.parameters;
        let (details, uncertain_details) = self.details();
        // If there is no sub-resource that all servers see, some see none. A name that is there
        // twice, once in an uncertain form, is uncertain.
        let mut needed = match certain & !uncertain {
            0 if details | uncertain_details == 0 => PLAIN[method as usize][level.index()],
            0 => find(method, level, None, details, uncertain_details),
            _ => OperationSet::EMPTY,
        };
        if self.headers.form && method == Method::Post && !needed.is_empty() {
            needed = needed.with(PLAIN[method as usize][Levels::BUCKET.index()]);
        }
        let mut left = certain | uncertain;
        while left != 0 {
            let by = SubResource::ALL[left.trailing_zeros() as usize];
            left &= left - 1;
            needed = needed.with(find(method, level, Some(by), details, uncertain_details));
        }
        needed
    }

    /// Details that all servers see, and those that some see.
    fn details(&self) -> (u8, u8) {
        let Parameters {
            mut details,
            uncertain_details,
            ..
        } = self.parameters;
        if self.headers.copy_source {
            details |= Detail::CopySource.bit();
        }
        if self.headers.request_route {
            details |= Detail::RequestRoute.bit();
        }
        (details & !uncertain_details, uncertain_details)
    }
}

/// The operations of requests without sub-resources and details, which nearly all are, by method and
/// level.
const PLAIN: [[OperationSet; 3]; 7] = {
    let methods = [
        Method::Get,
        Method::Head,
        Method::Put,
        Method::Post,
        Method::Delete,
        Method::Options,
        Method::Patch,
    ];
    let mut plain = [[OperationSet::of(Operation::UNKNOWN); 3]; 7];
    let mut at = 0;
    while at < ROWS.len() {
        let row = &ROWS[at];
        let mut is_plain = row.by.is_none();
        let mut nth = 0;
        while nth < row.conditions.len() {
            is_plain &= matches!(row.conditions[nth], Condition::Without(_));
            nth += 1;
        }
        let mut method = 0;
        while is_plain && method < methods.len() {
            if methods[method] as u8 == row.method as u8 {
                plain[method][row.level.index()] = OperationSet::of(Operation(at as u8));
            }
            method += 1;
        }
        at += 1;
    }
    // HEAD needs the same permissions as GET.
    plain[Method::Head as usize][0] = plain[Method::Get as usize][0];
    // S3 has neither. A server that has one writes the object.
    let object = Levels::OBJECT.index();
    plain[Method::Post as usize][object] = plain[Method::Put as usize][object];
    plain[Method::Patch as usize][object] = plain[Method::Put as usize][object];
    plain
};

/// The operations of this method, level, and sub-resource, for each way in which servers can see
/// the uncertain details; an unknown operation for each way without one.
fn find(
    method: Method,
    level: Levels,
    by: Option<SubResource>,
    details: u8,
    uncertain: u8,
) -> OperationSet {
    let rows = rows(method, level, by);
    let relevant = rows.clone().fold(0, |bits, (_, row)| {
        let conditions = row.conditions.iter();
        conditions.fold(bits, |bits, condition| bits | condition.detail().bit())
    });
    // No operation has more than two of them.
    let mut needed = OperationSet::EMPTY;
    let uncertain = uncertain & relevant;
    let mut seen = uncertain;
    loop {
        let seen_details = details | seen;
        let found = rows
            .clone()
            .find(|(_, row)| row.conditions.iter().all(|one| one.holds(seen_details)));
        needed = needed.with(match (found, by) {
            (Some((operation, _)), _) => OperationSet::of(operation),
            (None, None) => PLAIN[method as usize][level.index()],
            (None, Some(_)) => OperationSet::of(Operation::UNKNOWN),
        });
        if seen == 0 {
            return needed;
        }
        seen = (seen - 1) & uncertain;
    }
}

/// HEAD asks for what GET of the same would send.
fn rows(
    method: Method,
    level: Levels,
    by: Option<SubResource>,
) -> impl Iterator<Item = (Operation, &'static Row)> + Clone {
    let head_of_get = method == Method::Head && (by.is_some() || level == Levels::SERVICE);
    let method = if head_of_get { Method::Get } else { method };
    let row = move |row: &Row| row.method == method && row.level == level && row.by == by;
    ROWS.iter()
        .enumerate()
        .filter(move |(_, candidate)| row(candidate))
        .map(|(index, row)| (Operation(index as u8), row))
}

impl Condition {
    const fn detail(&self) -> Detail {
        match self {
            Self::With(detail) | Self::Without(detail) => *detail,
        }
    }

    fn holds(&self, details: u8) -> bool {
        match self {
            Self::With(detail) => details & detail.bit() != 0,
            Self::Without(detail) => details & detail.bit() == 0,
        }
    }
}
