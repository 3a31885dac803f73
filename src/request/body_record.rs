//! What is known about a request's body.
//!
//! It is kept in the request's pool, not in its context: an internal redirect clears contexts, and
//! keeps the body.

use std::cell::RefCell;

use aws_sealing::{Arrival, PayloadHash};

use super::body_fault::BodyFault;
use super::body_form::{BodyForm, Start, declared_of};
use crate::conf::Plan;
use crate::ffi::http::body::Piece;
use crate::ffi::http::request::{BodyId, Request};

/// What is kept in the request's pool.
struct Kept {
    body: BodyId,
    record: RefCell<BodyRecord>,
}

/// What is known of a body.
pub(super) struct BodyRecord {
    pub(super) form: BodyForm,
    /// Whether the aws-chunked encoding has been verified to its end.
    checked: bool,
    /// Updated while the body is received, with what is kept of it.
    hasher: Option<PayloadHash>,
    /// The hash that the client declared, if it is to be verified here.
    declared_hash: Option<[u8; 64]>,
    /// The number of bytes that are kept of the body.
    length: u64,
    /// The hash, once the body is complete.
    pub(super) hash: Option<[u8; 64]>,
    /// Whether everything that is needed is known.
    pub(super) whole: bool,
    /// The length of the body without its aws-chunked encoding, once that has been removed to its end.
    pub(super) kept: Option<u64>,
    /// Whether the body was rejected while it was received.
    rejected: bool,
}

impl BodyRecord {
    /// What is known about the body of `request`.
    pub(super) fn of(request: &Request) -> Option<&RefCell<Self>> {
        let body = request.body()?;
        let kept = request.kept(|kept: &Kept| kept.body == body)?;
        Some(&kept.record)
    }

    /// Decides how to process a body that is not known yet.
    pub(super) fn begin<'r>(
        request: &'r Request,
        plan: &Plan,
        body: BodyId,
        streams: bool,
    ) -> Result<&'r RefCell<Self>, BodyFault> {
        let Start {
            form,
            hashes,
            declared_hash,
        } = Start::new(request, plan, streams)?;
        let record = RefCell::new(Self {
            form,
            checked: false,
            hasher: hashes.then(PayloadHash::new),
            declared_hash,
            length: 0,
            hash: None,
            whole: false,
            kept: None,
            rejected: false,
        });
        let kept = request.keep(Kept { body, record });
        Ok(&kept.ok_or(BodyFault::OutOfMemory)?.record)
    }

    /// Continues with a body that has been seen completely: if another location did not need
    /// something, the body may have to be scanned again.
    pub(super) fn resume(&mut self, request: &Request, plan: &Plan) -> Result<(), BodyFault> {
        if !self.whole {
            return Ok(());
        }
        let declared = declared_of(request)?;
        let payload_signing = plan
            .payload_signing(request)
            .map_err(BodyFault::Credentials)?;
        let (hashes, declared_hash) =
            self.form
                .hashes(plan, payload_signing, declared, Arrival::Buffered);

        self.declared_hash = declared_hash;
        if self.hash.is_some() {
            return self.check_hash();
        }
        let is_in_file = || {
            let mut pieces = request.body_pieces();
            pieces.any(|piece| matches!(piece, Piece::File(_)))
        };
        if hashes && (declared_hash.is_some() || is_in_file()) {
            self.hasher = Some(PayloadHash::new());
            self.length = 0;
            self.whole = false;
        }
        Ok(())
    }

    fn check_hash(&self) -> Result<(), BodyFault> {
        if self.declared_hash.is_some() && self.declared_hash != self.hash {
            return Err(BodyFault::HashMismatch);
        }
        Ok(())
    }

    /// The form of the body.
    pub(super) fn form(&self) -> &BodyForm {
        &self.form
    }

    /// The length of the body without its aws-chunked encoding, once that has been removed to its
    /// end.
    pub(super) fn kept(&self) -> Option<u64> {
        self.kept
    }

    /// The body is rejected while nginx receives it.
    pub(super) fn reject(&mut self) {
        self.rejected = true;
    }

    /// Whether the body was rejected while it was received.
    pub(super) fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// The number of bytes that are kept of the body so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the aws-chunked encoding has been verified or removed.
    pub(super) fn is_checked(&self) -> bool {
        self.checked
    }

    /// Records bytes that are kept of the body.
    pub(super) fn update(&mut self, data: &[u8]) -> Result<(), BodyFault> {
        if let BodyForm::Inspected(_, inspector) = &mut self.form
            && !self.checked
        {
            inspector.update(data)?;
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
        }
        self.length += data.len() as u64;
        Ok(())
    }

    /// The body is complete. If it is not `kept` as it was seen, because another module can have
    /// changed it since, it has to be hashed again.
    pub(super) fn finish(&mut self, kept: bool) -> Result<(), BodyFault> {
        if let BodyForm::Inspected(_, inspector) = &self.form
            && !self.checked
        {
            inspector.finish()?;
        }
        self.checked = true;
        if let Some(hasher) = self.hasher.take() {
            if !kept {
                self.hasher = Some(PayloadHash::new());
                self.length = 0;
                return Ok(());
            }
            self.hash = Some(hasher.finish());
            self.check_hash()?;
        }
        self.whole = true;
        Ok(())
    }
}
