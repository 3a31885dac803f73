//! The module's request body filter. It hashes a body that nginx can write to a temporary file, and
//! verifies or removes its aws-chunked encoding.

use nginx_sys::ngx_int_t;

use super::body_fault::BodyFault;
use super::body_form::BodyForm;
use super::body_record::BodyRecord;
use super::rejection::Rejection;
use crate::conf::Plan;
use crate::ffi::http::body::{Incoming, filter_is_last};
use crate::ffi::http::request::Request;

/// Records an incoming body, and removes its aws-chunked encoding if the plan requires it. An error
/// is the status of the response.
pub(crate) fn filter_body(
    request: &Request,
    plan: &Plan,
    incoming: &mut Incoming<'_>,
) -> Result<(), ngx_int_t> {
    record_and_decode(request, plan, incoming).map_err(|fault| {
        if let Some(record) = BodyRecord::of(request) {
            record.borrow_mut().reject();
        }
        Rejection::Body(fault).reject(request)
    })
}

fn record_and_decode(
    request: &Request,
    plan: &Plan,
    incoming: &mut Incoming<'_>,
) -> Result<(), BodyFault> {
    let Some(body) = request.body() else {
        return Ok(());
    };
    let record = match BodyRecord::of(request) {
        Some(record) => record,
        None => BodyRecord::begin(request, plan, body, request.reads_unbuffered())?,
    };
    // The following code does not call back into nginx.
    let record = &mut *record.borrow_mut();

    incoming.for_each(|buffer| {
        if record.whole {
            return Ok(());
        }
        if let BodyForm::Deframed(_, deframer) = &mut record.form {
            let data = buffer.data_mut().ok_or(BodyFault::ReadOnly)?;
            let kept = deframer.update(data)?;
            buffer.truncate(kept);
            if buffer.is_last()
                && let Some(last) = deframer.finish()?.last
                && !buffer.push(last)
            {
                return Err(BodyFault::OutOfMemory);
            }
        }
        record.update(buffer.data())?;
        if buffer.is_last() {
            if matches!(record.form, BodyForm::Deframed(..)) {
                record.kept = Some(record.length());
                if !request.reads_unbuffered() {
                    // Regardless of where the request is sent: another location may not sign.
                    request.set_body_length(record.length());
                }
            }
            record.finish(filter_is_last())?;
        }
        Ok(())
    })
}
