//! Hides errors of an upstream about the module's signature from clients, and logs them for the
//! operator.
//!
//! Only errors and redirects are examined. If the response has status 3xx or 4xx, a header can show
//! at once whether it is an authentication error; otherwise the head is held back until the
//! beginning of the body shows it. An authentication error is replaced by a short one with the same
//! code; any other response is forwarded byte for byte.
//!
//! An upstream that has received a signature in the query can repeat it in such a body. Then the
//! head is held back until the whole body has been searched. A body that repeats the signature, or
//! cannot be searched, is replaced, too.

use aws_sealing::auth_error::{self, AuthError, Finding, LIMIT};
use aws_sealing::redact::{self, Replacement, Secrets};
use nginx_sys::{NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_int_t, ngx_str_t};

use super::advice::tell;
use super::response_message::{Message, log_replaced};
use crate::conf::Plan;
use crate::ffi::http::cached_body;
use crate::ffi::http::request::Request;
use crate::ffi::http::response::{Response, SendError};
use crate::ffi::http::response_body::{Chain, Held, Outgoing, Part};
use crate::ffi::process::log::Level;

/// An error or a redirect of an upstream, on its way to the client.
pub(crate) struct ErrorResponse {
    state: State,
    /// The beginning of the body, if its first buffer did not decide.
    held: Held,
}

/// What happens to the response.
#[derive(Clone, Copy)]
enum State {
    /// The head is held back until the body shows what the response is.
    HoldHead,
    /// Everything is forwarded, and the body is examined for the log (`aws_hide_auth_errors off`).
    Watch,
    /// The head is held back until the whole body has been searched for the signature.
    Search,
    /// The head has announced this text, which is sent instead of the body. It is in the request's
    /// pool.
    Replace(ngx_str_t),
    /// The message has been sent, and the body is dropped.
    DropBody,
    /// A head has been sent that no body may follow.
    HeadOnly,
    /// Everything is forwarded.
    Forward,
}

impl ErrorResponse {
    /// Whether the head is sent when the body has shown what it is.
    pub(crate) fn holds_head(&self) -> bool {
        matches!(self.state, State::HoldHead | State::Search)
    }
}

/// Examines the head of an error or a redirect; returns what remains to be done for its body. `Err`
/// if the response must not be sent.
pub(crate) fn filter_error_head(
    request: &Request,
    plan: Option<&Plan>,
) -> Result<Option<ErrorResponse>, ()> {
    let state = state_after_head(request, plan).map_err(|error| log_unsent(request, error))?;
    Ok(state.map(|state| ErrorResponse {
        state,
        held: Held::new(),
    }))
}

/// Logs why a response is not sent, unless nginx has done so.
fn log_unsent(request: &Request, error: SendError) {
    if matches!(error, SendError::OutOfMemory) {
        let line = format_args!(
            "the response of the upstream is not sent to the client: not \
                                 enough memory"
        );
        request.log().write(Level::Error, line);
    }
}

fn state_after_head(request: &Request, plan: Option<&Plan>) -> Result<Option<State>, SendError> {
    let response = Response(request);
    let signature_in_query = response.signed_target().is_some();
    if signature_in_query {
        // A cache would store the body as the upstream has sent it, even if no client gets it.
        if response.is_head_only() || response.is_encoded() {
            response.keep_out_of_cache();
        } else {
            cached_body::watch(request, redact::LIMIT, repeats_nothing);
        }
    }
    Ok(Some(match (plan, auth_error_of_header(response, plan)) {
        (_, Some(error)) => {
            let message = Message::AuthError(error);
            State::Replace(message.announce(response, Some(error.content_type()))?)
        }
        _ if response.is_head_only() => return Ok(None),
        _ if signature_in_query && response.is_encoded() => {
            log_replaced(
                response,
                "is encoded and cannot be searched for the signature in the \
                                    query of the request",
            );
            let replacement = Replacement::of_type(response.content_type());
            let message = Message::WithoutSignature(replacement);
            State::Replace(message.announce(response, Some(replacement.content_type()))?)
        }
        _ if signature_in_query => State::Search,
        (Some(plan), None) if may_be_auth_error(response) => match plan.hides_auth_errors {
            true => State::HoldHead,
            false => State::Watch,
        },
        _ => return Ok(None),
    }))
}

/// Whether it is certain that a complete body does not contain the signature in the query.
fn repeats_nothing(request: &Request, body: &[u8]) -> bool {
    let secrets = Response(request).signed_target().and_then(Secrets::of);
    secrets.is_some_and(|secrets| matches!(secrets.may_be_in(body), Ok(false)))
}

/// Whether a status is one that upstreams use for authentication errors.
fn may_be_auth_error(response: Response<'_>) -> bool {
    response.upstream_status() < NGX_HTTP_INTERNAL_SERVER_ERROR as usize
}

/// The authentication error that a header names, if clients must not read it. It is logged.
fn auth_error_of_header(response: Response<'_>, plan: Option<&Plan>) -> Option<AuthError> {
    let plan = plan.filter(|_| may_be_auth_error(response))?;
    let code = response
        .upstream_headers()
        .find_map(|(name, value)| auth_error::of_header(name, value))?;
    let error = AuthError::of_code(code, response.content_type());
    tell(response, plan, error, b"");
    plan.hides_auth_errors.then_some(error)
}

/// Examines a part of the response's body. The code is what nginx's filters return.
pub(crate) fn filter_error_body(
    request: &Request,
    plan: Option<&Plan>,
    error: &mut ErrorResponse,
    chain: &Chain<'_>,
) -> ngx_int_t {
    let response = Response(request);
    let filtered = match error.state {
        State::Forward => Ok(chain.pass()),
        State::Watch => error.watch(response, plan, chain).map(|()| chain.pass()),
        State::HoldHead => error.decide(response, plan, chain),
        State::Search => error.search(response, plan, chain),
        State::Replace(text) => error.replace(response, text, chain),
        State::DropBody => drop_body(Outgoing::new(response), chain),
        State::HeadOnly => error.end_with_head(chain),
    };
    filtered.unwrap_or_else(|error| {
        log_unsent(request, error);
        NGX_ERROR as ngx_int_t
    })
}

impl ErrorResponse {
    /// Examines the body while the head is held back.
    fn decide(
        &mut self,
        response: Response<'_>,
        plan: Option<&Plan>,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        for part in chain.parts() {
            match self.examine(response, plan, &part, Reading::Consume)? {
                Finding::Undecided => {}
                Finding::Other => return self.release(response, &part, chain),
                Finding::AuthError(error) => {
                    let text = Message::AuthError(error).announce(response, None)?;
                    return self.send_instead(response, text, chain);
                }
            }
        }
        Ok(NGX_OK as ngx_int_t)
    }

    /// Keeps the body until it is complete and can be searched for the signature in the query, and
    /// for an authentication error.
    fn search(
        &mut self,
        response: Response<'_>,
        plan: Option<&Plan>,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        for part in chain.parts() {
            let length = part.length();
            let taken = self.held.take(&part, redact::LIMIT)? as u64;
            part.consume(taken);
            if taken == length && !part.ends() {
                continue;
            }
            let body = self.held.bytes();
            if may_be_auth_error(response)
                && let Finding::AuthError(error) = auth_error::examine(body)
                && let Some(plan) = plan
            {
                tell(response, plan, error, body);
                if plan.hides_auth_errors {
                    let text = Message::AuthError(error).announce(response, None)?;
                    return self.send_instead(response, text, chain);
                }
            }
            let content_type = response.content_type();
            let secrets = response.signed_target().and_then(Secrets::of);
            let (replacement, reason) = match &secrets {
                Some(_) if taken < length => (
                    Replacement::of_type(content_type),
                    "is too long to be searched for the signature in the query of the request",
                ),
                Some(secrets)
                    if secrets
                        .may_be_in(body)
                        .map_err(|_| SendError::OutOfMemory)? =>
                {
                    let replacement = Replacement::of_body(content_type, body, secrets);
                    (
                        replacement,
                        "repeats the signature in the query of the request",
                    )
                }
                _ => return self.release(response, &part, chain),
            };
            log_replaced(response, reason);
            let text = Message::WithoutSignature(replacement)
                .announce(response, Some(replacement.content_type()))?;
            return self.send_instead(response, text, chain);
        }
        Ok(NGX_OK as ngx_int_t)
    }

    /// Examines the body while it is forwarded.
    fn watch(
        &mut self,
        response: Response<'_>,
        plan: Option<&Plan>,
        chain: &Chain<'_>,
    ) -> Result<(), SendError> {
        for part in chain.parts() {
            let finding = self.examine(response, plan, &part, Reading::Leave)?;
            if finding != Finding::Undecided {
                self.state = State::Forward;
                break;
            }
        }
        Ok(())
    }

    /// The result for the body up to the end of this part; undecided only if more of it can follow.
    fn examine(
        &mut self,
        response: Response<'_>,
        plan: Option<&Plan>,
        part: &Part<'_>,
        reading: Reading,
    ) -> Result<Finding, SendError> {
        // Most errors are in one buffer, and are not copied.
        let in_place = part.memory().filter(|_| self.held.is_empty());
        let mut goes_on = !part.ends();
        if in_place.is_none() {
            goes_on &= self.hold(part, reading)?;
        }
        let body = in_place.unwrap_or_else(|| self.held.bytes());
        let finding = auth_error::examine(body);
        match finding {
            Finding::AuthError(error) => {
                if let Some(plan) = plan {
                    tell(response, plan, error, body);
                }
            }
            Finding::Undecided => {
                goes_on &= body.len() < LIMIT;
                if goes_on && in_place.is_some() {
                    goes_on = self.hold(part, reading)?;
                }
                if !goes_on {
                    return Ok(Finding::Other);
                }
            }
            Finding::Other => {}
        }
        Ok(finding)
    }

    /// Keeps the data of a part; returns whether there was room for all of it.
    fn hold(&mut self, part: &Part<'_>, reading: Reading) -> Result<bool, SendError> {
        let length = part.length();
        let taken = self.held.take(part, LIMIT)?;
        if matches!(reading, Reading::Consume) {
            part.consume(taken as u64);
        }
        Ok(taken as u64 == length)
    }

    /// Sends what was held back, this part, and the parts after it.
    fn release(
        &mut self,
        response: Response<'_>,
        part: &Part<'_>,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        if !response.send_head()? {
            return self.end_with_head(chain);
        }
        self.state = State::Forward;
        let mut out = Outgoing::new(response);
        out.push_held(&self.held)?;
        out.push_rest(part)?;
        Ok(out.send())
    }

    /// Sends a head that was held back and has announced `text`, and `text` instead of the body.
    fn send_instead(
        &mut self,
        response: Response<'_>,
        text: ngx_str_t,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        match response.send_head()? {
            true => self.replace(response, text, chain),
            false => self.end_with_head(chain),
        }
    }

    /// Sends `text` instead of the body.
    fn replace(
        &mut self,
        response: Response<'_>,
        text: ngx_str_t,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        self.state = State::DropBody;
        let mut out = Outgoing::new(response);
        out.push_text(text)?;
        drop_body(out, chain)
    }

    fn end_with_head(&mut self, chain: &Chain<'_>) -> Result<ngx_int_t, SendError> {
        self.state = State::HeadOnly;
        for part in chain.parts() {
            part.consume(u64::MAX);
        }
        Ok(NGX_OK as ngx_int_t)
    }
}

/// What happens to data that has been examined.
#[derive(Clone, Copy)]
enum Reading {
    Consume,
    Leave,
}

/// Drops the upstream's data and sends `out`, with the mark that ends the response.
fn drop_body(mut out: Outgoing<'_>, chain: &Chain<'_>) -> Result<ngx_int_t, SendError> {
    for part in chain.parts() {
        part.consume(u64::MAX);
        if part.ends() {
            out.push_marks(&part)?;
        }
    }
    Ok(out.send())
}
