//! Warnings about bodies that neither the signature nor TLS protects.

use aws_sealing::{PayloadMode, PayloadRule, Version};

use super::{SigningLocation, Warning};
use crate::conf::{Directives, Payload, Plan, Scheme};
use crate::ffi::conf::Position;

impl SigningLocation<'_> {
    /// Anyone between nginx and the upstream can change a body that neither the signature nor TLS
    /// covers.
    pub(super) fn warn_of_unsigned_bodies(&self, directives: &Directives, plan: &Plan) {
        if self.pass.map(|pass| pass.scheme) != Some(Scheme::Http) {
            return;
        }
        let warn = |position, line| {
            let warning = Warning::UnsignedBodies;
            self.warnings()
                .of_directive(self.conf, warning, position, line);
        };
        let location = self.block.name();
        match &directives.payload {
            Some(Payload {
                mode: PayloadMode::Unsigned,
                position,
            }) => {
                return warn(
                    position,
                    format_args!(
                        "\"aws_payload unsigned\" in location \"{location}\" sends bodies over plain \
                         http, where nothing protects them: use \"https://\" in \"proxy_pass\", or \
                         \"aws_payload signed\" or \"streaming\""
                    ),
                );
            }
            Some(Payload {
                mode: PayloadMode::Signed,
                ..
            }) => return,
            _ if plan.policy.methods.is_read_only() => return,
            _ => {}
        }

        let rule = plan.static_payload_rule();
        let unsigned = match rule {
            Some(PayloadRule::Unsigned) => {
                Some(("aws_service vpc-lattice-svcs", &self.sign.position))
            }
            Some(PayloadRule::S3) => leaves_bodies_unsigned(directives),
            _ => None,
        };
        let Some((directive, position)) = unsigned else {
            return;
        };
        let advice = match (directives.version(), rule) {
            (Version::V4, Some(PayloadRule::S3)) => ", or \"aws_payload signed\"",
            _ => "",
        };
        warn(
            position,
            format_args!(
                "\"{directive}\" in location \"{location}\" signs no bodies, and plain http does not \
                 protect them: use \"https://\" in \"proxy_pass\"{advice}"
            ),
        );
    }
}

/// The directive because of which signatures for S3 do not cover bodies, and its position.
fn leaves_bodies_unsigned(directives: &Directives) -> Option<(&'static str, &Position)> {
    if let Some(directive) = &directives.signature_version
        && directive.version == Version::V2
    {
        return Some(("aws_signature_version 2", &directive.position));
    }
    let directive = directives.signature_in.as_ref()?;
    let in_query = directive.place.is_query();
    in_query.then_some(("aws_signature_in query", &directive.position))
}
