//! The status page, the response of a location with `aws_auth_status`.

use aws_signing::query::parameters;
use aws_status::{CONTENT_SECURITY_POLICY, Format, Kind, RenewalStatus, Series, Status, Zone};
use nginx_sys::{NGINX_VER, NGX_HTTP_BAD_REQUEST, NGX_HTTP_NOT_ALLOWED, NGX_HTTP_OK, ngx_int_t};

use crate::conf::MainConf;
use crate::ffi::http::phase::PhaseRequest;
use crate::ffi::process;
use crate::ffi::process::cycle::Cycle;
use crate::renewal::Refreshable;
use crate::renewal::providers::Providers;

/// Responds with the status, in the format that the argument `format` names or that Accept prefers.
pub(crate) fn status(request: &PhaseRequest<'_>) -> ngx_int_t {
    if !matches!(request.method(), b"GET" | b"HEAD") {
        request.add_response_header("Allow", b"GET, HEAD");
        return NGX_HTTP_NOT_ALLOWED as ngx_int_t;
    }
    let Some(format) = wanted_format(request) else {
        return NGX_HTTP_BAD_REQUEST as ngx_int_t;
    };
    if let Err(status) = request.discard_body() {
        return status;
    }
    let text = Cycle::with_current(|cycle| {
        let main = cycle.main::<MainConf>()?;
        let status = collect(&main.providers)?;
        Some(match format {
            Format::Html => status.html(),
            Format::Json => status.json(),
            Format::Prometheus => status.prometheus(),
            Format::OpenMetrics => status.open_metrics(),
        })
    });
    let Some(text) = text.flatten() else {
        // The zone belongs to a configuration that is no longer in use.
        return nginx_sys::NGX_HTTP_SERVICE_UNAVAILABLE as ngx_int_t;
    };
    let mut added = request.add_response_header("Cache-Control", b"no-store")
        && request.add_response_header("X-Content-Type-Options", b"nosniff");
    if format == Format::Html {
        let policy = CONTENT_SECURITY_POLICY.as_bytes();
        added &= request.add_response_header("Content-Security-Policy", policy);
    }
    match added {
        true => request.respond(NGX_HTTP_OK, format.content_type(), text.as_bytes()),
        false => nginx_sys::NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
    }
}

/// `None` if the argument names no format.
fn wanted_format(request: &PhaseRequest<'_>) -> Option<Format> {
    let mut arguments = parameters(request.args());
    match arguments.find(|parameter| parameter.name == b"format") {
        Some(parameter) => Format::of_argument(parameter.value.unwrap_or_default()),
        None => {
            let mut lines = request.client_lines();
            let accept = lines.find(|line| line.name.eq_ignore_ascii_case(b"accept"));
            Some(Format::of_accept(accept.map(|line| line.value)))
        }
    }
}

/// The status; `None` if the zone cannot be reached.
fn collect(providers: &Providers) -> Option<Status> {
    let counting = providers.counting.as_ref()?;
    let (counting_since, generation) = counting.since()?;
    let (name, (size_bytes, used_bytes)) = providers.zone()?;
    let credentials = providers
        .iter()
        .map(|provider| (Kind::Credentials, provider.refreshable()));
    let tokens = providers
        .tokens()
        .iter()
        .map(|token| (Kind::Token, token.refreshable()));
    let renewals = credentials.chain(tokens);
    let rows = counting.rows().into_iter();
    Some(Status {
        module_version: env!("CARGO_PKG_VERSION").to_owned(),
        nginx_version: NGINX_VER.to_string_lossy().into_owned(),
        now: process::time_of_day(),
        counting_since,
        generation,
        zone: Zone {
            name: name.to_owned(),
            size_bytes,
            used_bytes,
        },
        renewals: renewals.map(|(kind, one)| renewal(kind, one)).collect(),
        series: rows.map(|(block, row)| Series { block, row }).collect(),
        explained: counting.explanations(),
    })
}

fn renewal(kind: Kind, one: &Refreshable) -> RenewalStatus {
    let (note, progress) = match one.slot() {
        Some(slot) => {
            let (note, state) = slot.note();
            (note, Some(state.progress()))
        }
        None => (Vec::new(), None),
    };
    let record = progress
        .map(|progress| progress.record())
        .unwrap_or_default();
    let error = String::from_utf8_lossy(&note).into_owned();
    RenewalStatus {
        kind,
        name: one.name().to_owned(),
        source: one.definition().declaration().name.to_owned(),
        access_key_id: record.access_key_id(),
        expires_at: record.expires_at(),
        outlives_expiry: record.outlives_expiry(),
        last_success: record.last_success(),
        last_error: record.last_failure().map(|at| (at, error)),
        fetches: record.fetches(),
        failures: record.failures(),
        next_fetch: progress.and_then(|progress| progress.next_fetch()),
    }
}
