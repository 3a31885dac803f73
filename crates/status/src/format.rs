//! In which format the status is asked for.

/// A format of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The page for people.
    Html,
    /// The document of `docs/status.schema.json`.
    Json,
    /// Prometheus's text format, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The format that the argument `format` names; `None` if it is none.
    pub fn of_argument(value: &[u8]) -> Option<Self> {
        match value {
            b"html" => Some(Self::Html),
            b"json" => Some(Self::Json),
            b"prometheus" => Some(Self::Prometheus),
            b"openmetrics" => Some(Self::OpenMetrics),
            _ => None,
        }
    }

    /// The format that an `Accept` header prefers, by the rules of RFC 9110, section 12.5.1; of equally
    /// preferred ones the first of these: HTML, OpenMetrics, Prometheus, JSON. Without one that fits,
    /// and without a header, JSON.
    pub fn of_accept(accept: Option<&[u8]>) -> Self {
        let accept = String::from_utf8_lossy(accept.unwrap_or_default());
        let ranges: Vec<_> = accept.split(',').filter_map(Range::parse).collect();
        // A range that names any type, as curl's, is no wish for a page.
        if ranges.iter().all(|range| range.is_any()) {
            return Self::Json;
        }
        let mut best = (0, Self::Json);
        for format in [Self::Html, Self::OpenMetrics, Self::Prometheus, Self::Json] {
            let quality = format.quality(&ranges);
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// The value of Content-Type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The quality in thousandths that the most specific range gives this format.
    fn quality(self, ranges: &[Range<'_>]) -> u32 {
        let [kind, subtype] = match self {
            Self::Html => ["text", "html"],
            Self::Json => ["application", "json"],
            Self::Prometheus => ["text", "plain"],
            Self::OpenMetrics => ["application", "openmetrics-text"],
        };
        let fitting = ranges.iter().filter_map(|range| {
            let specificity = match (range.kind, range.subtype) {
                ("*", "*") => 0,
                (one, "*") if one.eq_ignore_ascii_case(kind) => 1,
                (one, two)
                    if one.eq_ignore_ascii_case(kind) && two.eq_ignore_ascii_case(subtype) =>
                {
                    2
                }
                _ => return None,
            };
            Some((specificity, range.quality))
        });
        fitting.max().map_or(0, |(_, quality)| quality)
    }
}

/// A media range of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: u32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality = match quality {
            None => 1.0,
            Some(text) => text.parse::<f32>().ok()?.clamp(0.0, 1.0),
        };
        Some(Self {
            kind,
            subtype,
            quality: (quality * 1000.0) as u32,
        })
    }

    fn is_any(&self) -> bool {
        self.kind == "*"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_they_ask_for() {
        let of = |accept: &str| Format::of_accept(Some(accept.as_bytes()));
        // Firefox, Chromium.
        assert_eq!(
            of("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            Format::Html
        );
        // Prometheus 2 and 3.
        assert_eq!(
            of(
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
            ),
            Format::OpenMetrics
        );
        assert_eq!(
            of("text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Format::Prometheus
        );
        assert_eq!(of("application/json"), Format::Json);
        assert_eq!(of("*/*"), Format::Json);
        assert_eq!(of(""), Format::Json);
        assert_eq!(of("image/png"), Format::Json);
        assert_eq!(of("text/*;q=0.3, application/json;q=0.2"), Format::Html);
        assert_eq!(of("text/html;q=0, text/*"), Format::Prometheus);
        assert_eq!(of("text/html;q=junk, application/json;q=0.1"), Format::Json);
        assert_eq!(Format::of_accept(None), Format::Json);
    }

    #[test]
    fn an_argument_names_a_format() {
        for format in [
            Format::Html,
            Format::Json,
            Format::Prometheus,
            Format::OpenMetrics,
        ] {
            let name = format!("{format:?}").to_lowercase();
            assert_eq!(Format::of_argument(name.as_bytes()), Some(format));
        }
        assert_eq!(Format::of_argument(b"xml"), None);
    }
}
