//! The notations that vectors are written in.

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// What went wrong with one vector.
pub(crate) type Failure = Box<dyn Error>;

/// A request in the suite's notation, which is nearly HTTP: the target may hold unescaped spaces.
pub(crate) struct Message<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: &'a str,
}

impl<'a> Message<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Failure> {
        let (head, body) = text
            .split_once("\n\n")
            .unwrap_or((text.trim_end_matches('\n'), ""));
        let (line, fields) = head.split_once('\n').ok_or("no headers")?;
        let (method, target) = line.split_once(' ').ok_or("no target")?;
        let target = target.strip_suffix(" HTTP/1.1").ok_or("no version")?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |field: &'a str| field.split_once(':').ok_or("no colon in a header");
        let headers = fields.lines().map(header).collect::<Result<_, _>>()?;
        Ok(Self {
            method,
            path,
            query,
            headers,
            body,
        })
    }

    /// The headers whose names the canonical request lists as signed.
    pub(crate) fn listed_in(&self, canonical_request: &str) -> Vec<(&'a str, &'a str)> {
        let list = canonical_request.rsplit('\n').nth(1).unwrap_or_default();
        let signed = |name: &str| {
            list.split(';')
                .any(|signed| signed.eq_ignore_ascii_case(name))
        };
        self.headers
            .iter()
            .copied()
            .filter(|(name, _)| signed(name))
            .collect()
    }

    pub(crate) fn authorization(&self) -> Result<&'a str, Failure> {
        let found = self
            .headers
            .iter()
            .find(|(name, _)| *name == "Authorization");
        Ok(found.ok_or("no Authorization header")?.1.trim_start())
    }
}

/// Joins the continuation lines of folded headers, as a recipient does (RFC 9112, 5.2).
pub(crate) fn unfold(message: &str) -> String {
    message.replace("\n ", "  ")
}

/// A line of a `.jsonl` file, or why it is none.
pub(crate) struct Line(Result<Value, String>);

impl Line {
    pub(crate) fn new(text: &str) -> Self {
        Self(serde_json::from_str(text).map_err(|error| error.to_string()))
    }

    pub(crate) fn value(&self, field: &str) -> Result<&Value, Failure> {
        let object = self.0.as_ref().map_err(String::clone)?;
        object
            .get(field)
            .ok_or_else(|| format!("no {field}").into())
    }

    pub(crate) fn object(&self, field: &str) -> Result<Self, Failure> {
        Ok(Self(Ok(self.value(field)?.clone())))
    }

    pub(crate) fn text(&self, field: &str) -> Result<&str, Failure> {
        self.value(field)?
            .as_str()
            .ok_or_else(|| format!("{field} is no text").into())
    }

    pub(crate) fn flag(&self, field: &str) -> Result<bool, Failure> {
        self.value(field)?
            .as_bool()
            .ok_or_else(|| format!("{field} is no boolean").into())
    }

    pub(crate) fn number(&self, field: &str) -> Result<u64, Failure> {
        self.value(field)?
            .as_u64()
            .ok_or_else(|| format!("{field} is no number").into())
    }

    /// The headers that are sent.
    pub(crate) fn headers(&self) -> Result<Vec<(&str, &str)>, Failure> {
        let headers = self.value("headers")?.as_array();
        let mut all = Vec::new();
        for header in headers.ok_or("headers is no array")? {
            let (name, value) = (header[0].as_str(), header[1].as_str());
            all.push(name.zip(value).ok_or("not a header")?);
        }
        Ok(all)
    }

    /// The headers that are sent and listed as signed.
    pub(crate) fn signed_headers(&self) -> Result<Vec<(&str, &str)>, Failure> {
        let names = self.value("signed_headers")?.as_array();
        let names = names.ok_or("signed_headers is no array")?;
        let mut headers = self.headers()?;
        headers.retain(|(name, _)| {
            names
                .iter()
                .any(|signed| signed == &name.to_ascii_lowercase())
        });
        Ok(headers)
    }

    pub(crate) fn name(&self, field: &str) -> String {
        self.text(field)
            .unwrap_or("a line without a name")
            .to_owned()
    }
}

/// The lines of a file, if it is there.
pub(crate) fn lines(file: &Path) -> Option<Vec<Line>> {
    let text = fs::read_to_string(file).ok()?;
    Some(
        text.lines()
            .filter(|line| !line.is_empty())
            .map(Line::new)
            .collect(),
    )
}
