//! Where the query of a request target begins, and who has written its parameters.
//!
//! nginx decodes a client's path, and puts captures, `$uri` and the like into the target without
//! escaping them. A client's `%3F` or `%26` would begin a query or a parameter there, and with it
//! another operation. So the first `?` of a target counts only if no part of the client's path can
//! have produced it. The rest is known from the form of `proxy_pass`, and from what nginx appends.
//!
//! For a target without `?`, or with the client's own query, this costs a search for one byte.

use memchr::{memchr, memchr_iter, memchr2, memmem};

use super::form::{Form, Part};
use crate::error::SealError;

/// What nginx has composed a request target of.
#[derive(Clone, Copy, Debug)]
pub struct TargetSource<'a> {
    /// How `proxy_pass` composes targets.
    pub form: &'a Form,
    /// The request's URI, decoded, as `$uri` shows it.
    pub uri: &'a [u8],
    /// The request's arguments, as `$args` shows them.
    pub args: &'a [u8],
    /// The client's URI, encoded, as `$request_uri` shows it.
    pub request_uri: &'a [u8],
}

/// The origin of a query.
enum Query {
    /// Appended by nginx as arguments.
    Args,
    /// Written in the configuration, with this many `&`.
    Counted(usize),
    /// In a variable of the configuration.
    Variable,
}

impl<'a> TargetSource<'a> {
    /// Where the path of `target` ends: at the `?` that begins its query, or at its end.
    ///
    /// # Errors
    /// The query, or a parameter in it, can come from a client's path.
    pub fn path_end(&self, target: &[u8]) -> Result<usize, SealError> {
        let Some(first) = memchr(b'?', target) else {
            return Ok(target.len());
        };
        if target == self.request_uri {
            return Ok(first);
        }
        if target[first + 1..] == *self.client_query() && !self.path_has_mark() {
            return Ok(first);
        }
        let (end, query) = self.find(target, first)?;
        self.check(target.get(end + 1..).unwrap_or_default(), &query)?;
        Ok(end)
    }

    /// Whether the target that nginx will compose for S3, or another service, can be rejected; if
    /// not, nothing need be known about it before nginx has composed it.
    pub fn is_suspicious(&self, s3: bool) -> bool {
        let may_have_dots = |path: &[u8]| memchr2(b'.', b'%', path).is_some();
        if !s3 && (may_have_dots(self.uri) || may_have_dots(self.client_path())) {
            return true;
        }
        let arguments = !self.args.is_empty() && !self.is_client_query(self.args);
        let path = || {
            memchr(b'&', self.uri).is_some()
                || memchr(b'?', self.client_query()).is_some()
                || self.path_has_mark()
        };
        arguments || self.form.names_query() && path()
    }

    fn find(&self, target: &[u8], first: usize) -> Result<(usize, Query), SealError> {
        match self.form {
            Form::Constant(text) if text.contains(&b'?') => {
                let end = memchr(b'?', text).unwrap_or_default();
                if !target.starts_with(text) {
                    return Err(SealError::QueryUnknown);
                }
                self.check_args()?;
                let written = ands(text) + ands(self.args);
                Ok((end, Query::Counted(written)))
            }
            Form::Bare | Form::Constant(_) => {
                let end = self
                    .end_before_args(target)
                    .ok_or(SealError::QueryUnknown)?;
                Ok((end, Query::Args))
            }
            Form::Template(parts) => match self.end_of_uri(target) {
                Some(end) => Ok((end, Query::Args)),
                None => Template::new(self, parts).find(target, first),
            },
        }
    }

    /// Where the path ends if `$args` follows it.
    fn end_before_args(&self, target: &[u8]) -> Option<usize> {
        if self.args.is_empty() {
            return Some(target.len());
        }
        target
            .strip_suffix(self.args)?
            .strip_suffix(b"?")
            .map(<[u8]>::len)
    }

    /// Where the path ends if the target is only `$uri`, escaped or not, and optionally `$args`.
    fn end_of_uri(&self, target: &[u8]) -> Option<usize> {
        let is_uri = |end: &usize| {
            let path = &target[..*end];
            path == self.uri
                || aws_signing::encode::percent_decode(path).eq(self.uri.iter().copied())
        };
        self.end_before_args(target)
            .into_iter()
            .chain([target.len()])
            .find(is_uri)
    }

    /// Whether a `?` has been decoded from the client's path, or is in the path that it has become.
    fn path_has_mark(&self) -> bool {
        let path = self.client_path();
        let is_mark = |at: usize| matches!(path.get(at + 1..at + 3), Some([b'3', b'f' | b'F']));
        memchr(b'?', self.uri).is_some() || memchr_iter(b'%', path).any(is_mark)
    }

    fn client_path(&self) -> &'a [u8] {
        let end = memchr(b'?', self.request_uri);
        &self.request_uri[..end.unwrap_or(self.request_uri.len())]
    }

    /// The query as the client wrote it, without `?`.
    fn client_query(&self) -> &'a [u8] {
        let start = self.client_path().len() + 1;
        self.request_uri.get(start..).unwrap_or_default()
    }

    fn is_client_query(&self, query: &[u8]) -> bool {
        // nginx removes a fragment, which clients do not send, only if the path was complex.
        let sent = self.client_query();
        let end = memchr(b'#', sent).unwrap_or(sent.len());
        query == sent || query == &sent[..end]
    }

    /// Whether a query that begins with `query` can have been split off a client's text.
    fn may_be_split_off(&self, query: &[u8]) -> bool {
        if self.path_has_mark() {
            return true;
        }
        // A `?` in an argument ($arg_name) that has become part of the path.
        let own = self.client_query();
        memchr_iter(b'?', own).next().is_some() && {
            let name = name(query);
            memmem::find_iter(own, name).any(|at| at > 0 && own[at - 1] == b'?')
        }
    }

    /// Arguments that are not the client's are the configuration's, unless they can come from the
    /// client's path: `try_files` and `error_page` split their redirects at the first `?`.
    fn check_args(&self) -> Result<(), SealError> {
        if self.args.is_empty() || self.is_client_query(self.args) {
            return Ok(());
        }
        if self.may_be_split_off(self.args) {
            return Err(SealError::ArgumentsFromPath);
        }
        self.check_parameters(self.args)
    }

    fn check(&self, query: &[u8], made: &Query) -> Result<(), SealError> {
        if query.is_empty() {
            return Ok(());
        }
        match made {
            Query::Args => self.check_args(),
            Query::Counted(_) | Query::Variable if self.is_client_query(query) => Ok(()),
            Query::Counted(count) if ands(query) == *count => Ok(()),
            Query::Counted(_) => Err(SealError::ParameterAdded),
            Query::Variable => self.check_parameters(query),
        }
    }

    /// Rejects a parameter after `&`, outside of the client's own query, that is after an `&` in
    /// the client's path, too.
    fn check_parameters(&self, query: &[u8]) -> Result<(), SealError> {
        if memchr(b'&', query).is_none() {
            return Ok(());
        }
        let decoded = self.decoded_path()?;
        let mut from_path: Vec<&[u8]> = Vec::new();
        for path in [self.uri, &decoded] {
            let pieces = || path.split(|byte| *byte == b'&').skip(1);
            from_path
                .try_reserve(pieces().count())
                .map_err(|_| SealError::OutOfMemory)?;
            from_path.extend(pieces());
        }
        if from_path.is_empty() {
            return Ok(());
        }
        // Sorted, so that many parameters and a long path do not cost the product of both.
        from_path.sort_unstable();
        let may_come_from_path = |parameter: &[u8]| {
            let name = name(parameter);
            let at = from_path.partition_point(|piece| *piece < name);
            // An `&` at the end of a capture is followed by text of the configuration.
            from_path[0].is_empty()
                || from_path
                    .get(at)
                    .is_some_and(|piece| piece.starts_with(name))
        };
        let [before, after] = self.around_client_query(query);
        let before = before.split(|byte| *byte == b'&').skip(1);
        let after = after.split(|byte| *byte == b'&');
        match before
            .chain(after)
            .filter(|parameter| !parameter.is_empty())
            .any(may_come_from_path)
        {
            true => Err(SealError::ParameterAdded),
            false => Ok(()),
        }
    }

    /// What comes before and after the client's own query in `query`.
    fn around_client_query<'q>(&self, query: &'q [u8]) -> [&'q [u8]; 2] {
        let own = self.client_query();
        let mut found = memmem::find_iter(query, own).filter(|_| !own.is_empty());
        let bounded = found.find_map(|at| {
            let (before, after) = (&query[..at], &query[at + own.len()..]);
            let starts = before.is_empty() || before.ends_with(b"&");
            let ends = after.is_empty() || after.starts_with(b"&");
            (starts && ends).then_some([before, after])
        });
        bounded.unwrap_or([query, b""])
    }

    fn decoded_path(&self) -> Result<Vec<u8>, SealError> {
        let path = self.client_path();
        let mut decoded = Vec::new();
        decoded
            .try_reserve(path.len())
            .map_err(|_| SealError::OutOfMemory)?;
        decoded.extend(aws_signing::encode::percent_decode(path));
        Ok(decoded)
    }
}

/// A URI with variables, and what is known about their values.
struct Template<'a> {
    source: &'a TargetSource<'a>,
    parts: &'a [Part],
    /// Where the query begins according to the configuration: the part, and the `?` in its value.
    place: Option<(usize, usize)>,
    /// The part before which everything is path although there is no query: an empty `$is_args`.
    no_query_from: Option<usize>,
}

impl<'a> Template<'a> {
    fn new(source: &'a TargetSource<'a>, parts: &'a [Part]) -> Self {
        let mut template = Self {
            source,
            parts,
            place: None,
            no_query_from: None,
        };
        for (at, part) in parts.iter().enumerate() {
            // A `?` in `$uri` or `$args` begins nothing.
            let begins = matches!(part, Part::Text(_) | Part::RequestUri | Part::IsArgs);
            let value = template.value(part).filter(|_| begins);
            if let Some(mark) = value.and_then(|value| memchr(b'?', value)) {
                template.place = Some((at, mark));
                break;
            }
            if matches!(part, Part::IsArgs | Part::RequestUri) {
                template.no_query_from.get_or_insert(at);
            }
        }
        template
    }

    /// The value of a part; `None` if it is no longer known.
    fn value(&self, part: &'a Part) -> Option<&'a [u8]> {
        match part {
            Part::Text(text) => Some(text),
            Part::Uri => Some(self.source.uri),
            Part::RequestUri => Some(self.source.request_uri),
            Part::IsArgs if self.source.args.is_empty() => Some(b""),
            Part::IsArgs => Some(b"?"),
            Part::Args => Some(self.source.args),
            Part::Client | Part::Other => None,
        }
    }

    /// Where the path of `target`, whose first `?` is `first`, ends.
    fn find(&self, target: &[u8], first: usize) -> Result<(usize, Query), SealError> {
        let query_at = self.place.map(|(at, _)| at).or(self.no_query_from);
        let path_parts = &self.parts[..query_at.unwrap_or(self.parts.len())];
        let is_open = path_parts.contains(&Part::Other);
        if is_open && !self.source.may_be_split_off(&target[first + 1..]) {
            return Ok((first, self.query()?));
        }
        match self.place {
            Some((at, mark)) => {
                let end = self
                    .locate(target, at, mark)
                    .ok_or(SealError::QueryUnknown)?;
                Ok((end, self.query()?))
            }
            None if is_open && self.no_query_from.is_none() => Err(SealError::QueryUnknown),
            // Everything is path.
            None => Ok((target.len(), Query::Counted(0))),
        }
    }

    /// The origin of the query.
    fn query(&self) -> Result<Query, SealError> {
        let Some((at, mark)) = self.place else {
            return Ok(Query::Variable);
        };
        if self.parts[at..].contains(&Part::Args) {
            self.source.check_args()?;
        }
        let written = self.parts[at..]
            .iter()
            .enumerate()
            .map(|(nth, part)| match part {
                Part::Text(text) if nth == 0 => ands(&text[mark..]),
                Part::Text(_) | Part::Args => self.value(part).map_or(0, ands),
                Part::RequestUri => ands(self.source.client_query()),
                _ => 0,
            });
        Ok(Query::Counted(written.sum()))
    }

    /// Where the `?` that the configuration has at `mark` of part `at` is in `target`.
    fn locate(&self, target: &[u8], at: usize, mark: usize) -> Option<usize> {
        // From the left, if everything before it is known ...
        let mut rest = target;
        // ... nginx puts a slash before arguments without a path ...
        if at == 0 && mark == 0 {
            return target.starts_with(b"/?").then_some(1);
        }
        let known = self.parts[..at].iter().try_for_each(|part| {
            rest = rest.strip_prefix(self.value(part)?)?;
            Some(())
        });
        if known.is_some() {
            let end = target.len() - rest.len() + mark;
            return (target.get(end) == Some(&b'?')).then_some(end);
        }
        // ... from the right, if everything after it is ...
        let mut rest = target;
        let known = self.parts[at..].iter().rev().try_for_each(|part| {
            rest = rest.strip_suffix(self.value(part)?)?;
            Some(())
        });
        if known.is_some() {
            return Some(rest.len() + mark);
        }
        // ... else if the unknown parts have not added another one.
        let marks = |parts: &'a [Part]| -> usize {
            let values = parts.iter().filter_map(|part| self.value(part));
            values.map(|value| memchr_iter(b'?', value).count()).sum()
        };
        let all = memchr_iter(b'?', target);
        (all.clone().count() == marks(self.parts)).then_some(())?;
        all.clone().nth(marks(&self.parts[..at]))
    }
}

fn ands(text: &[u8]) -> usize {
    memchr_iter(b'&', text).count()
}

/// The name of the parameter that `query` begins with.
fn name(query: &[u8]) -> &[u8] {
    let end = query.iter().position(|byte| matches!(byte, b'=' | b'&'));
    &query[..end.unwrap_or(query.len())]
}
