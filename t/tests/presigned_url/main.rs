//! `aws_presigned_url`: URLs that an object store accepts from anybody who has them.

mod credentials;
mod v2;
mod variable;
