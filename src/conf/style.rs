//! Whether the style of a location's signatures goes with what else it says.

use aws_sealing::{PayloadMode, PayloadRule, PayloadSigning, Place, Version};

use super::warnings::Kind;
use super::{Directives, MainConf, Plan, Scheme};
use crate::ffi::conf::{Block, Conf, Position};
use crate::ffi::process::log::Level;

impl Directives {
    /// The version of the signatures here.
    pub(super) fn version(&self) -> Version {
        self.signature_version
            .as_ref()
            .map_or_else(Version::default, |directive| directive.version)
    }

    /// Where the signatures stand.
    pub(super) fn place(&self) -> Place {
        self.signature_in
            .as_ref()
            .map_or_else(Place::default, |directive| directive.place)
    }

    /// The directive that keeps signatures from saying what bodies are, and where it stands.
    fn unsigned_bodies(&self) -> Option<(&'static str, &Position)> {
        if let Some(directive) = &self.signature_version
            && directive.version == Version::V2
        {
            return Some(("aws_signature_version 2", &directive.position));
        }
        let directive = self.signature_in.as_ref()?;
        let in_query = directive.place.is_query();
        in_query.then_some(("aws_signature_in query", &directive.position))
    }
}

/// What contradicts the style. The error has been logged.
pub(super) fn judge(conf: &Conf, held: &Directives, plan: &Plan) -> Result<(), ()> {
    if let Some(directive) = &held.signature_version
        && directive.version == Version::V2
        && let Some(service) = &held.service
        && service.as_text() != Some(b"s3")
    {
        conf.log(
            Level::Emerg,
            &directive.position,
            format_args!(
                "\"aws_signature_version 2\" is for S3 only, but \"aws_service\" says something \
                 else: set \"aws_service s3\" here, or remove \"aws_signature_version\""
            ),
        );
        return Err(());
    }
    let Some(payload) = &held.payload else {
        return Ok(());
    };
    let rule = payload_rule(plan).unwrap_or(PayloadRule::S3);
    let payload_signing = PayloadSigning::new(held.version(), held.place(), rule);
    let reason = match (payload_signing, payload.mode) {
        (PayloadSigning::Nothing, PayloadMode::Signed | PayloadMode::Streaming) => {
            "does not go with \"aws_signature_version 2\", which signs no bodies: remove one of them"
        }
        (PayloadSigning::Optional, PayloadMode::Streaming) => {
            "does not go with \"aws_signature_in query\", since stores know signed chunks with \
             signatures in headers only: write \"aws_payload signed\", or remove one of them"
        }
        _ => return Ok(()),
    };
    conf.log(
        Level::Emerg,
        &payload.position,
        format_args!("\"aws_payload {}\" {reason}", payload.mode.as_str()),
    );
    Err(())
}

/// Where neither the signature nor TLS covers a body, anybody on the way can change it.
pub(super) fn warn_of_unsigned_bodies(
    conf: &Conf,
    main: &MainConf,
    block: &Block,
    held: &Directives,
    plan: &Plan,
    scheme: Option<Scheme>,
) {
    let rule = payload_rule(plan);
    let unsigned = match (rule, &held.sign) {
        (Some(PayloadRule::Unsigned), Some(sign)) => {
            Some(("aws_service vpc-lattice-svcs", &sign.position))
        }
        (Some(PayloadRule::S3), _) => held.unsigned_bodies(),
        _ => None,
    };
    let Some((directive, position)) = unsigned else {
        return;
    };
    let over_plain_http = scheme == Some(Scheme::Http);
    let explicit = held.payload.as_ref().map(|payload| payload.mode);
    if !over_plain_http
        || plan.policy.methods.is_read_only()
        || matches!(explicit, Some(PayloadMode::Signed | PayloadMode::Unsigned))
    {
        return;
    }
    let advice = match (held.version(), rule) {
        (Version::V4, Some(PayloadRule::S3)) => ", or \"aws_payload signed\"",
        _ => "",
    };
    main.warnings.of_directive(
        conf,
        Kind::UnsignedBodies,
        position,
        format_args!(
            "\"{directive}\" in location \"{}\" signs no bodies, and plain http does not protect \
             them: use \"https://\" in \"proxy_pass\"{advice}",
            block.name()
        ),
    );
}

/// What the service that is signed for expects; `None` where a variable or a provider tells.
fn payload_rule(plan: &Plan) -> Option<PayloadRule> {
    let credentials = plan.credentials.as_ref().ok()?;
    let service = credentials.static_service()?;
    Some(PayloadRule::of(&String::from_utf8_lossy(service)))
}
