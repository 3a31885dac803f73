//! An S3 origin for tests and demonstrations that verifies every signature.
