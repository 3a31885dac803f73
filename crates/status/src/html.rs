//! The status as a page that a person reads, on a phone at night if need be: what is wrong comes first.
//!
//! It loads nothing and runs nothing; a browser asks for it again every half minute.

use std::fmt::{self, Write};

use crate::counters::Counter;
use crate::status::{Block, Explained, Kind, RenewalState, RenewalStatus, Series, Status};
use crate::time::iso8601;

/// The style of the page; [`CONTENT_SECURITY_POLICY`] names its hash, so that no other is applied.
const STYLE: &str = include_str!("status.css");

/// The value of the header Content-Security-Policy for the page.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'sha256-Lh52TbrxVp2CtkHudYVfo734s47q6A/HyvFYrLnWlf4='; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// An upstream error is mentioned in the heading for so long, in milliseconds.
const RECENT: i64 = 5 * 60 * 1000;

/// How many explanations are shown.
const SHOWN: usize = 10;

impl Status {
    /// The page.
    pub fn html(&self) -> String {
        let mut page =
            String::with_capacity(8192 + 1024 * (self.renewals.len() + self.series.len()));
        // Writing to a string does not fail.
        let _ = self.write_page(&mut page);
        page
    }

    fn write_page(&self, page: &mut String) -> fmt::Result {
        write!(
            page,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta http-equiv=\"refresh\" content=\"30\">\
             <title>{title}</title><style>{STYLE}</style></head>\n<body>\n<h1>AWS authentication: \
             {title}</h1>\n<p class=\"soft\">{now}. Module {module}, {nginx}. Configuration \
             {generation}; counting for {span}. Zone {zone}: {used} of {size} KiB in use.</p>\n",
            title = self.summary(),
            now = iso8601(self.now),
            module = Text(&self.module_version),
            nginx = Text(&self.nginx_version),
            generation = self.generation,
            span = Span(self.now - self.counting_since),
            zone = Text(&self.zone.name),
            used = self.zone.used_bytes / 1024,
            size = self.zone.size_bytes / 1024,
        )?;
        for (kind, title) in [(Kind::Credentials, "Credentials"), (Kind::Token, "Tokens")] {
            let mut renewals: Vec<_> = self
                .renewals
                .iter()
                .filter(|one| one.kind == kind)
                .collect();
            // Those that need somebody come first.
            renewals.sort_by_key(|one| std::cmp::Reverse(Light::of(one.state(self.now)) as u8));
            if !renewals.is_empty() {
                write!(page, "<h2>{title}</h2>\n<ul class=\"cards\">\n")?;
                for one in renewals {
                    self.write_renewal(page, one)?;
                }
                page.write_str("</ul>\n")?;
            }
        }
        self.write_explained(page)?;
        self.write_table(page)?;
        page.write_str("</body></html>\n")
    }

    /// The most important in a few words.
    fn summary(&self) -> String {
        let lights = self
            .renewals
            .iter()
            .map(|one| Light::of(one.state(self.now)));
        let (mut bad, mut warn) = (0, 0);
        for light in lights {
            match light {
                Light::Bad => bad += 1,
                Light::Warn => warn += 1,
                Light::Good => {}
            }
        }
        let is_recent = |one: &Explained| self.now.saturating_sub(one.at) < RECENT;
        match (bad, warn) {
            (0, 0) if self.explained.iter().any(is_recent) => "upstream errors".to_owned(),
            (0, 0) => "all is well".to_owned(),
            (0, warn) => format!("{warn} to look at"),
            (bad, _) => format!("{bad} without valid credentials"),
        }
    }

    fn write_renewal(&self, page: &mut String, one: &RenewalStatus) -> fmt::Result {
        let state = one.state(self.now);
        write!(
            page,
            "<li class=\"{light}\"><p><span class=\"state\">{state}</span><span class=\"light\"></span>\
             <b>{name}</b></p>\n<p class=\"soft\">{source}",
            light = Light::of(state).class(),
            state = state.words(),
            name = Text(&one.name),
            source = Text(&one.source),
        )?;
        if let Some(id) = &one.access_key_id {
            write!(page, ", {}", Text(id))?;
        }
        page.write_str("</p>\n")?;
        if let Some(expires_at) = one.expires_at {
            let left = expires_at - self.now;
            let life = expires_at - one.last_success.unwrap_or(self.now);
            let share = if life > 0 {
                (left.max(0) * 100 / life).min(100)
            } else {
                0
            };
            write!(
                page,
                "<svg viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" role=\"img\" \
                 aria-label=\"{share} percent of the lifetime left\"><rect width=\"100\" height=\"4\"/>\
                 <rect class=\"left\" width=\"{share}\" height=\"4\"/></svg>\n<p>"
            )?;
            match left > 0 {
                true => write!(page, "expires in {}", Span(left))?,
                false => write!(page, "expired {} ago", Span(-left))?,
            }
            page.write_str("</p>\n")?;
        }
        write!(
            page,
            "<p class=\"soft\">{} fetches, {} failed",
            one.fetches, one.failures
        )?;
        if let Some(at) = one.last_success {
            write!(page, "; the last success {} ago", Span(self.now - at))?;
        }
        match one.next_fetch.map(|at| at - self.now) {
            Some(left) if left > 0 => write!(page, "; the next in {}", Span(left))?,
            Some(_) => page.write_str("; the next is due")?,
            None => {}
        }
        page.write_str("</p>\n")?;
        if let Some((at, error)) = &one.last_error {
            writeln!(page, "<p>{} ago: {}</p>", Span(self.now - at), Text(error))?;
        }
        page.write_str("</li>\n")
    }

    fn write_explained(&self, page: &mut String) -> fmt::Result {
        if self.explained.is_empty() {
            return Ok(());
        }
        page.write_str("<h2>Last errors</h2>\n<ul class=\"errors\">\n")?;
        for Explained { at, text } in self.explained.iter().take(SHOWN) {
            let ago = Span(self.now - at);
            writeln!(
                page,
                "<li><p class=\"soft\">{ago} ago</p><p>{}</p></li>",
                Text(text)
            )?;
        }
        page.write_str("</ul>\n")?;
        Ok(())
    }

    fn write_table(&self, page: &mut String) -> fmt::Result {
        page.write_str(
            "<h2>Requests</h2>\n<div class=\"scroll\"><table><thead><tr><th>block</th><th>signed</th>\
             <th>rejected</th><th>upstream errors</th><th>clock ahead</th></tr></thead>\n<tbody>\n",
        )?;
        for Series { block, row } in &self.series {
            page.write_str("<tr><td>")?;
            match block {
                Block::Server(name) => write!(page, "server {}", Text(name))?,
                Block::Upstream(name) => write!(page, "upstream {}", Text(name))?,
                Block::Other => page.write_str("others")?,
            }
            write!(
                page,
                "</td><td>{}</td><td title=\"{}\">{}</td><td title=\"{}\">{}</td><td>",
                row.all_signed(),
                NonZero(row.rejected()),
                row.all_rejected(),
                NonZero(row.upstream_errors()),
                row.all_upstream_errors(),
            )?;
            match row.clock_skew_millis() {
                Some(millis) => write!(page, "{} s", millis / 1000)?,
                None => page.write_str("-")?,
            }
            page.write_str("</td></tr>\n")?;
        }
        page.write_str("</tbody></table></div>\n")?;
        let waited: u64 = self.series.iter().map(|series| series.row.waits().1).sum();
        let hashed = self
            .series
            .iter()
            .map(|series| series.row.get(Counter::HASHED_BYTES));
        writeln!(
            page,
            "<p class=\"soft\">Requests that waited for credentials: {waited}. Bodies hashed: {} MiB.</p>",
            hashed.sum::<u64>() >> 20
        )
    }
}

/// How urgent a state is.
#[derive(Clone, Copy)]
enum Light {
    Good,
    Warn,
    Bad,
}

impl Light {
    fn of(state: RenewalState) -> Self {
        match state {
            RenewalState::Fresh => Self::Good,
            RenewalState::Expiring | RenewalState::Failing => Self::Warn,
            RenewalState::NeverFetched | RenewalState::Expired => Self::Bad,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

impl RenewalState {
    fn words(self) -> &'static str {
        match self {
            Self::NeverFetched => "never fetched",
            Self::Fresh => "fresh",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Failing => "valid, but renewal fails",
        }
    }
}

/// Text in a page, in an element or a quoted attribute.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.chars() {
            match part {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                part => f.write_char(part)?,
            }
        }
        Ok(())
    }
}

/// What was counted at all, such as `method 3, header 1`.
struct NonZero<I>(I);

impl<I: Iterator<Item = (&'static str, u64)> + Clone> fmt::Display for NonZero<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = self.0.clone().filter(|(_, count)| *count > 0);
        for (nth, (name, count)) in counted.enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {count}")?;
        }
        Ok(())
    }
}

/// A span of milliseconds in the unit that suits it.
struct Span(i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0) / 1000;
        match seconds {
            0..120 => write!(f, "{seconds} s"),
            120..7200 => write!(f, "{} min", seconds / 60),
            7200..172_800 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}
