//! Response: what the store says of our signature is for the operator, and not for the client.
//!
//! Only errors and redirects are looked at. A header tells at once whether one of status 3xx or 4xx is
//! an authentication error; else the head is held back until the beginning of the body tells. An
//! authentication error is replaced by a short one of the same code; anything else goes its way, byte
//! for byte.
//!
//! A store that was sent a signature in the query may repeat it in such a body. Then the head is held
//! back until the whole body has been searched, and a body that repeats it, or cannot be searched, is
//! replaced, too.

use aws_sealing::auth_error::{self, AuthError, Finding, LIMIT};
use aws_sealing::redact::{self, Replacement, Secrets};
use nginx_sys::{NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK, ngx_int_t, ngx_str_t};

use super::advice::tell;
use crate::conf::Plan;
use crate::ffi::http::cached_body;
use crate::ffi::http::request::Request;
use crate::ffi::http::response::{Response, SendError};
use crate::ffi::http::response_body::{Chain, Held, Outgoing, Part};
use crate::ffi::process::log::Level;

/// A refusal of the store on its way to the client.
pub(crate) struct Refusal {
    stage: Stage,
    /// The beginning of the body, where its first buffer was not enough.
    held: Held,
}

/// How far it has come.
#[derive(Clone, Copy)]
enum Stage {
    /// The head is held back, until the body tells what it is.
    Held,
    /// All goes its way, and the body is looked at (`aws_hide_auth_errors off`).
    Watched,
    /// The head is held back, until all of the body has been searched for the signature.
    Searched,
    /// The head has announced what is sent in the body's place.
    Announced(AuthError),
    /// The head has announced a text that is sent in the place of a body that cannot be searched.
    Unreadable(Replacement<'static>),
    /// That has been sent.
    Replaced,
    /// A head has been sent that no body may follow.
    HeadOnly,
    /// All goes its way.
    Passed,
}

impl Refusal {
    fn new(stage: Stage) -> Self {
        Self {
            stage,
            held: Held::new(),
        }
    }

    /// Whether the head is sent when the body has told what it is.
    pub(crate) fn holds_head(&self) -> bool {
        matches!(self.stage, Stage::Held | Stage::Searched)
    }
}

/// Takes the head of an error or a redirect; what remains to be done when its body comes. `Err` if
/// it must not be sent.
pub(crate) fn filter_refusal(
    request: &Request,
    plan: Option<&Plan>,
) -> Result<Option<Refusal>, ()> {
    let response = Response(request);
    let echoes = response.signed_target().is_some();
    if echoes {
        // A cache would keep the body as the store has sent it, also if no client gets it.
        if response.is_head_only() || response.is_encoded() {
            response.keep_out_of_cache();
        } else {
            cached_body::watch(request, redact::LIMIT, repeats_nothing);
        }
    }
    let stage = match (plan, stage_of_code(response, plan)) {
        (_, Some(stage)) => stage,
        _ if response.is_head_only() => return Ok(None),
        _ if echoes && response.is_encoded() => {
            let replacement = Replacement::of_type(response.content_type());
            announce_replacement(
                response,
                replacement,
                "is encoded and cannot be searched for it",
            );
            Stage::Unreadable(replacement)
        }
        _ if echoes => Stage::Searched,
        (Some(plan), None) if is_refusal(response) => {
            if plan.hides_auth_errors {
                Stage::Held
            } else {
                Stage::Watched
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(Refusal::new(stage)))
}

/// Whether a whole body holds nothing of the signature in the query, for certain.
fn repeats_nothing(request: &Request, body: &[u8]) -> bool {
    let secrets = Response(request).signed_target().and_then(Secrets::of);
    secrets.is_some_and(|secrets| matches!(secrets.may_be_in(body), Ok(false)))
}

/// Whether a status is one that stores use for authentication errors.
fn is_refusal(response: Response<'_>) -> bool {
    response.upstream_status() < NGX_HTTP_INTERNAL_SERVER_ERROR as usize
}

/// Where a header says that this is an authentication error, and clients are not to read it.
fn stage_of_code(response: Response<'_>, plan: Option<&Plan>) -> Option<Stage> {
    let plan = plan.filter(|_| is_refusal(response))?;
    let code = response
        .upstream_headers()
        .find_map(|(name, value)| auth_error::of_header(name, value))?;
    let error = AuthError::of_code(code, response.content_type());
    tell(response, plan, error, b"");
    if !plan.hides_auth_errors {
        return None;
    }
    announce(response, error, Some(error.content_type()));
    Some(Stage::Announced(error))
}

/// Takes a part of a refusal's body. The code is what nginx's filters return.
pub(crate) fn filter_refusal_body(
    request: &Request,
    plan: Option<&Plan>,
    refusal: &mut Refusal,
    chain: &Chain<'_>,
) -> ngx_int_t {
    let response = Response(request);
    let taken = match refusal.stage {
        Stage::Passed => Ok(chain.pass()),
        Stage::Watched => refusal.watch(response, plan, chain).map(|()| chain.pass()),
        Stage::Held => refusal.look(response, plan, chain),
        Stage::Searched => refusal.search(response, plan, chain),
        Stage::Announced(error) => {
            text_of(response, error).and_then(|text| refusal.replace(response, text, chain))
        }
        Stage::Unreadable(replacement) => {
            let text = copy(response, &replacement.parts());
            text.and_then(|text| refusal.replace(response, text, chain))
        }
        Stage::Replaced => drop_body(Outgoing::new(response), chain),
        Stage::HeadOnly => refusal.end_with_head(chain),
    };
    taken.unwrap_or_else(|error| {
        if matches!(error, SendError::OutOfMemory) {
            let line = format_args!("the store's answer is not sent on: not enough memory");
            request.log().write(Level::Error, line);
        }
        NGX_ERROR as ngx_int_t
    })
}

impl Refusal {
    /// Looks at the body while the head is held back.
    fn look(
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
                    announce(response, error, None);
                    return self.send_instead(response, text_of(response, error)?, chain);
                }
            }
        }
        Ok(NGX_OK as ngx_int_t)
    }

    /// Keeps the body until all of it is there to be searched for the signature in the query, and for an
    /// authentication error.
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
            if is_refusal(response)
                && let Finding::AuthError(error) = auth_error::examine(body)
                && let Some(plan) = plan
            {
                tell(response, plan, error, body);
                if plan.hides_auth_errors {
                    announce(response, error, None);
                    return self.send_instead(response, text_of(response, error)?, chain);
                }
            }
            let content_type = response.content_type();
            let secrets = response.signed_target().and_then(Secrets::of);
            let replacement = match &secrets {
                Some(_) if taken < length => Some((
                    Replacement::of_type(content_type),
                    "is too long to be searched for it",
                )),
                Some(secrets)
                    if secrets
                        .may_be_in(body)
                        .map_err(|_| SendError::OutOfMemory)? =>
                {
                    Some((
                        Replacement::of_body(content_type, body, secrets),
                        "repeats it",
                    ))
                }
                _ => None,
            };
            let Some((replacement, reason)) = replacement else {
                return self.release(response, &part, chain);
            };
            announce_replacement(response, replacement, reason);
            let text = copy(response, &replacement.parts())?;
            return self.send_instead(response, text, chain);
        }
        Ok(NGX_OK as ngx_int_t)
    }

    /// Sends a head that was held back, and what is sent in the place of the body.
    fn send_instead(
        &mut self,
        response: Response<'_>,
        text: ngx_str_t,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        if response.send_head()? {
            self.replace(response, text, chain)
        } else {
            self.end_with_head(chain)
        }
    }

    /// Looks at the body as it goes its way.
    fn watch(
        &mut self,
        response: Response<'_>,
        plan: Option<&Plan>,
        chain: &Chain<'_>,
    ) -> Result<(), SendError> {
        for part in chain.parts() {
            let finding = self.examine(response, plan, &part, Reading::Leave)?;
            if finding != Finding::Undecided {
                self.stage = Stage::Passed;
                break;
            }
        }
        Ok(())
    }

    /// What the body up to and with this part says; undecided only where more of it may come.
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

    /// Keeps the data of a part; whether there was room for all of it.
    fn hold(&mut self, part: &Part<'_>, reading: Reading) -> Result<bool, SendError> {
        let length = part.length();
        let taken = self.held.take(part, LIMIT)?;
        if matches!(reading, Reading::Consume) {
            part.consume(taken as u64);
        }
        Ok(taken as u64 == length)
    }

    /// Sends what was held back, and this part and those behind it.
    fn release(
        &mut self,
        response: Response<'_>,
        part: &Part<'_>,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        if !response.send_head()? {
            return self.end_with_head(chain);
        }
        self.stage = Stage::Passed;
        let mut out = Outgoing::new(response);
        out.push_held(&self.held)?;
        out.push_rest(part)?;
        Ok(out.send())
    }

    /// Sends what a client is told, in the place of the body.
    fn replace(
        &mut self,
        response: Response<'_>,
        text: ngx_str_t,
        chain: &Chain<'_>,
    ) -> Result<ngx_int_t, SendError> {
        self.stage = Stage::Replaced;
        let mut out = Outgoing::new(response);
        out.push_text(text)?;
        drop_body(out, chain)
    }

    fn end_with_head(&mut self, chain: &Chain<'_>) -> Result<ngx_int_t, SendError> {
        self.stage = Stage::HeadOnly;
        for part in chain.parts() {
            part.consume(u64::MAX);
        }
        Ok(NGX_OK as ngx_int_t)
    }
}

/// What becomes of data that has been looked at.
#[derive(Clone, Copy)]
enum Reading {
    Consume,
    Leave,
}

/// What a client is told of an authentication error.
fn text_of(response: Response<'_>, error: AuthError) -> Result<ngx_str_t, SendError> {
    copy(response, &error.body().map(str::as_bytes))
}

/// A text in the request's pool.
fn copy(response: Response<'_>, parts: &[&[u8]]) -> Result<ngx_str_t, SendError> {
    response.0.copy(parts).ok_or(SendError::OutOfMemory)
}

/// Throws the store's data away and sends `out`, with the mark that ends the answer.
fn drop_body(mut out: Outgoing<'_>, chain: &Chain<'_>) -> Result<ngx_int_t, SendError> {
    for part in chain.parts() {
        part.consume(u64::MAX);
        if part.ends() {
            out.push_marks(&part)?;
        }
    }
    Ok(out.send())
}

/// Has the head announce what is sent in the place of the store's error.
fn announce(response: Response<'_>, error: AuthError, content_type: Option<&'static str>) {
    let length = error.body().iter().map(|part| part.len()).sum();
    response.announce(length, content_type, auth_error::is_message_header);
}

/// Has the head announce what is sent in the place of a body that repeats the signature, or may.
fn announce_replacement(response: Response<'_>, replacement: Replacement<'_>, reason: &str) {
    response.0.log().write(
        Level::Info,
        format_args!(
            "the body of the response to a request with its signature in the query {reason}, and is \
             replaced"
        ),
    );
    let length = replacement.parts().iter().map(|part| part.len()).sum();
    let content_type = Some(replacement.content_type());
    response.announce(length, content_type, auth_error::is_message_header);
}
