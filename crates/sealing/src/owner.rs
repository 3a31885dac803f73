//! Who wrote which header line.
//!
//! nginx writes the lines of `proxy_set_header` and its own in a fixed order, and then the client's
//! in their original order, except those whose names it writes or drops itself. So the client's
//! lines are known byte for byte, and every line before them must be configured. Any other line was
//! made by a line break in a variable, and the request is rejected.
//!
//! DESIGN.md, "Who wrote which header line?", has the argument.

mod names;
mod variables;

use smallvec::SmallVec;

use crate::error::SealError;
use crate::head::{HeadError, Line};
use names::Names;

/// How many of the client's lines are compared without an allocation.
const ROOM: usize = 32;

/// What nginx writes into each head of a location: its `proxy_set_header` and nginx's defaults.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    entries: Vec<Entry>,
    names: Names,
    /// The defaults that an entry replaces: a bit for each of [`DEFAULTS`].
    replaced: u8,
    /// The entries that are written in every request, except Host.
    constants: usize,
    /// The same as `constants`, for Host.
    constant_hosts: usize,
}

/// One `proxy_set_header` whose value is not a constant empty text.
#[derive(Clone, Debug)]
struct Entry {
    /// The whole line of a constant; else the name and what separates it from the value.
    text: Box<[u8]>,
    is_constant: bool,
    is_host: bool,
    /// Another entry has the same name, so the text alone does not show which one wrote a line.
    is_repeated: bool,
}

/// A header that nginx can write without a directive.
struct DefaultHeader {
    name: &'static [u8],
    /// The same as in [`Entry`].
    text: &'static [u8],
    /// Only in requests whose response can be cached.
    cached_only: bool,
}

/// In nginx's order, in all of its versions. Connection is not written since nginx 1.29.7.
const DEFAULTS: [DefaultHeader; 6] = [
    DefaultHeader::new(b"host", b"Host: ", false),
    DefaultHeader::new(b"connection", b"Connection: close\r\n", false),
    DefaultHeader::new(b"content-length", b"Content-Length: ", false),
    DefaultHeader::new(b"transfer-encoding", b"Transfer-Encoding: ", false),
    DefaultHeader::new(b"if-modified-since", b"If-Modified-Since: ", true),
    DefaultHeader::new(b"if-none-match", b"If-None-Match: ", true),
];

impl DefaultHeader {
    const fn new(name: &'static [u8], text: &'static [u8], cached_only: bool) -> Self {
        Self {
            name,
            text,
            cached_only,
        }
    }
}

/// The variables whose values nginx sends as its conditional headers, in the order of their names:
/// If-Modified-Since and If-None-Match.
pub const CACHE_VARIABLES: [&str; 2] = ["$upstream_cache_last_modified", "$upstream_cache_etag"];

/// A header of the client, as nginx keeps it.
#[derive(Clone, Copy, Debug)]
pub struct ClientHeader<'a> {
    /// The name, in the client's case.
    pub name: &'a [u8],
    /// The value, byte for byte.
    pub value: &'a [u8],
    /// nginx's hash of the name, by which it looks up the names that it writes itself.
    pub hash: usize,
}

/// Calls its argument with each header of the client, in the original order.
pub type EachHeader<'a> = dyn Fn(&mut dyn FnMut(ClientHeader<'a>)) + 'a;

/// How many headers with variables have a value, and are therefore written, in this request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// Those of the name Host.
    pub hosts: usize,
    /// All others; in a request whose response may be cached, also those of [`CACHE_VARIABLES`]
    /// that [`Configured::default_condition`] names.
    pub others: usize,
}

/// What is known about the lines of one head.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// What nginx writes itself.
    pub configured: &'a Configured,
    /// The client's headers.
    pub client: &'a EachHeader<'a>,
    /// Whether nginx forwards the client's headers (`proxy_pass_request_headers`).
    pub forwards_client: bool,
    /// Whether nginx may cache the response (`u->cacheable`), and handles conditional headers itself.
    pub cacheable: bool,
    /// The result of evaluating the variables, if [`Configured::is_ambiguous`].
    pub evaluated: Option<Evaluated>,
}

impl Configured {
    /// From the names and values of `proxy_set_header`, in their order.
    pub fn new<'a>(directives: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut configured = Self::default();
        for (name, value) in directives {
            configured.push(name, value);
        }
        configured.find_repeated();
        let mut entries = configured.entries.iter();
        let constants = entries.by_ref().filter(|entry| entry.is_constant);
        let (hosts, others): (Vec<_>, Vec<_>) = constants.partition(|entry| entry.is_host);
        (configured.constant_hosts, configured.constants) = (hosts.len(), others.len());
        configured
    }

    fn push(&mut self, name: &[u8], value: &[u8]) {
        self.names.insert(name);
        for (bit, default) in DEFAULTS.iter().enumerate() {
            if name.eq_ignore_ascii_case(default.name) {
                self.replaced |= 1 << bit;
            }
        }
        if value.is_empty() {
            return;
        }
        let is_constant = !has_variables(value);
        let text = match is_constant {
            true => [name, b": ", value, b"\r\n"].concat(),
            false => [name, b": "].concat(),
        };
        self.entries.push(Entry {
            text: text.into(),
            is_constant,
            is_host: name.eq_ignore_ascii_case(b"host"),
            is_repeated: false,
        });
    }

    fn find_repeated(&mut self) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        let name = |entry: &Entry| entry.name().to_ascii_lowercase();
        order.sort_by_cached_key(|index| name(&self.entries[*index]));
        for pair in order.windows(2) {
            if name(&self.entries[pair[0]]) == name(&self.entries[pair[1]]) {
                self.entries[pair[0]].is_repeated = true;
                self.entries[pair[1]].is_repeated = true;
            }
        }
    }

    /// Whether the text of a line does not always show who wrote it: a variable that can contain a
    /// line break could inject a line of a header whose own variable, further down, is empty. Then
    /// [`Sources::evaluated`] decides. `caches` is true if responses can be cached here.
    pub fn is_ambiguous<'a>(
        directives: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        caches: bool,
    ) -> bool {
        let is_host = |name: &[u8]| name.eq_ignore_ascii_case(b"host");
        let may_break = |value: &[u8]| !variables::hold_no_line_break(value);
        // Some versions of nginx write Host before all others.
        let host_may_break = directives
            .clone()
            .any(|(name, value)| is_host(name) && may_break(value));

        let mut breaks_before = false;
        for (name, value) in directives.filter(|(_, value)| has_variables(value)) {
            if breaks_before || (host_may_break && !is_host(name)) {
                return true;
            }
            breaks_before = may_break(value);
        }
        // nginx's own conditional headers come last.
        caches && breaks_before
    }

    /// The variable of nginx's own conditional header number `index`, in the order of
    /// [`CACHE_VARIABLES`], unless the configuration replaces it.
    pub fn default_condition(&self, index: usize) -> Option<&'static str> {
        let first = DEFAULTS.iter().position(|default| default.cached_only)?;
        let is_replaced = self.replaced & (1 << (first + index)) != 0;
        CACHE_VARIABLES.get(index).copied().filter(|_| !is_replaced)
    }

    /// Whether a client's header of this name would look like one of nginx or the operator to a
    /// server that reads `_` as `-`. Such a line is not forwarded.
    pub fn is_alias(&self, name: &[u8], cacheable: bool) -> bool {
        // Names are short: comparing all bytes is faster than a search.
        let has_underscore = name
            .iter()
            .fold(false, |found, &byte| found | (byte == b'_'));
        has_underscore && self.names.know(name, cacheable)
    }
}

impl Sources<'_> {
    /// The index of the first line that the client wrote; the lines before it are nginx's and the
    /// operator's. An error if a line belongs to nobody.
    pub(crate) fn first_client_line(
        &self,
        head: &[u8],
        lines: &[Line],
    ) -> Result<usize, SealError> {
        let first = self.split(head, lines)?;
        self.check_configured(head, &lines[..first])?;
        Ok(first)
    }

    /// Where the client's lines, which are the last ones, begin.
    fn split(&self, head: &[u8], lines: &[Line]) -> Result<usize, SealError> {
        if !self.forwards_client {
            return Ok(lines.len());
        }
        let mut client: SmallVec<[(ClientHeader<'_>, bool); ROOM]> = SmallVec::new();
        let mut is_full = false;
        (self.client)(&mut |header| {
            let dropped = self.configured.names.drops(&header, self.cacheable);
            if dropped == Dropped::Yes {
                return;
            }
            match client.try_reserve(1) {
                Ok(()) => client.push((header, dropped == Dropped::Unknown)),
                Err(_) => is_full = true,
            }
        });
        if is_full {
            return Err(SealError::OutOfMemory);
        }

        let mut first = lines.len();
        for (header, may_be_missing) in client.iter().rev() {
            let line = first.checked_sub(1).map(|last| &lines[last]);
            if line.is_some_and(|line| header.is_line(&head[line.all.clone()])) {
                first -= 1;
            } else if !may_be_missing {
                return Err(HeadError::InjectedLine { number: first }.into());
            }
        }
        Ok(first)
    }

    /// Each of `lines` must be a configured one, in the order of the configuration, and all
    /// constants must be there.
    fn check_configured(&self, head: &[u8], lines: &[Line]) -> Result<(), HeadError> {
        let Configured {
            entries, replaced, ..
        } = self.configured;
        let mut entries = entries.iter();
        let defaults = DEFAULTS.iter().enumerate().filter(|(bit, default)| {
            replaced & (1 << bit) == 0 && (self.cacheable || !default.cached_only)
        });
        let mut defaults = defaults.map(|(_, default)| default);

        // Since nginx 1.31.4, Host is the first line, regardless of the order. No variable comes
        // before the first line, so nothing can have injected it.
        let host_is_first = lines
            .first()
            .is_some_and(|line| head[line.name.clone()].eq_ignore_ascii_case(b"host"));
        let is_needed = |entry: &&Entry| entry.is_constant && !entry.is_repeated && !entry.is_host;

        let mut evaluated = 0;
        let mut has_host = host_is_first;
        for (index, line) in lines.iter().enumerate().skip(usize::from(host_is_first)) {
            let is_host = head[line.name.clone()].eq_ignore_ascii_case(b"host");
            if is_host && std::mem::replace(&mut has_host, true) {
                return Err(HeadError::DuplicateHost);
            }
            let injected = HeadError::InjectedLine { number: index + 1 };
            let line = &head[line.all.clone()];
            match entries.by_ref().find(|e| e.wrote(line) || is_needed(e)) {
                Some(entry) if entry.wrote(line) => evaluated += 1,
                Some(_) => return Err(injected),
                None => match defaults.by_ref().find(|d| wrote(d.text, line)) {
                    // Only the evaluation shows whether the cache has validators.
                    Some(default) => evaluated += usize::from(default.cached_only),
                    None => return Err(injected),
                },
            }
        }
        if entries.any(|entry| is_needed(&entry)) {
            // Something has ended the head early.
            return Err(HeadError::Incomplete);
        }

        // nginx has written a line for each header that has a value. If there are more, one of them
        // was injected by another's value.
        match self.evaluated {
            Some(counts) if evaluated != self.configured.written(counts, host_is_first) => {
                Err(HeadError::InjectedLine {
                    number: lines.len(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Configured {
    /// How many lines nginx writes, without those of its defaults that need no evaluation.
    fn written(&self, evaluated: Evaluated, host_is_first: bool) -> usize {
        let hosts = match host_is_first {
            true => 0,
            false => self.constant_hosts + evaluated.hosts,
        };
        self.constants + evaluated.others + hosts
    }
}

impl Entry {
    fn name(&self) -> &[u8] {
        let end = memchr::memmem::find(&self.text, b": ");
        &self.text[..end.unwrap_or(self.text.len())]
    }

    /// Whether `line`, with its CRLF, can be this entry's.
    fn wrote(&self, line: &[u8]) -> bool {
        match self.is_constant && self.is_repeated {
            true => line.starts_with(self.name()) && line[self.name().len()..].starts_with(b": "),
            false => wrote(&self.text, line),
        }
    }
}

/// Whether `line` is the whole line `text`, or begins with it if that is a name only.
fn wrote(text: &[u8], line: &[u8]) -> bool {
    match text.ends_with(b"\r\n") {
        true => line == text,
        false => line.starts_with(text),
    }
}

impl ClientHeader<'_> {
    /// Whether nginx writes this line, with its CRLF, for the header.
    fn is_line(&self, line: &[u8]) -> bool {
        line.strip_prefix(self.name)
            .and_then(|rest| rest.strip_prefix(b": "))
            .and_then(|rest| rest.strip_prefix(self.value))
            .is_some_and(|rest| rest == b"\r\n")
    }
}

/// Whether a value in the configuration contains variables.
pub fn has_variables(value: &[u8]) -> bool {
    memchr::memchr(b'$', value).is_some()
}

/// Whether nginx drops a client's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Yes,
    No,
    /// It depends on nginx's version, or on how the name was read.
    Unknown,
}

#[cfg(test)]
mod tests;
