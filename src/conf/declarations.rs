// The declarations of all directives: the one place that says what a directive is called, where it
// is allowed, what it accepts, where its value is kept, how blocks inherit it, and how its
// description in the reference begins.
//
// This file is included three times, each time with another macro of this name:
//
// - src/conf/written.rs makes the struct `Directives` of it, and how one block inherits from another;
// - src/module/commands.rs makes nginx's table of directives of it;
// - t/src/directives.rs makes the list of it that tests compare to the reference and to nginx.
//
// A declaration has, in this order:
//
//   text       the first paragraph in the reference, word for word
//   contexts   `anywhere` (http, server, upstream, location, if in location), `not_in_upstream`, `http`, or
//              `location`
//   arguments  how many the directive takes: `none`, `one`, `none_or_one`, `one_or_two`, `one_or_more`
//              or `two_or_more`
//   default    what the reference says is used without the directive
//   setter     the function of src/directives that reads it
//   field      where a block keeps it, the type of the value, and how a block inherits it: with the
//              function `inherit`, unless the directive has rules of its own; or
//   group      where a block keeps it together with others, which are inherited as one. A directive of
//              http{} itself has neither.

directives! {
    groups {
        credentials: CredentialDirectives, inherited by CredentialDirectives::inherit;
    }

    /// Specifies the access key ID. The value can contain variables.
    "aws_access_key" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: access_key,
        group: credentials,
    }

    /// Specifies a file that contains the secret access key and nothing else. A relative name is relative
    /// to the directory of nginx.conf. nginx reads the file, usually as root, each time it reads the
    /// configuration.
    "aws_secret_key_file" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: secret_key_file,
        group: credentials,
    }

    /// Specifies the secret access key. The value can contain variables; a key that contains a `$` must be
    /// put into a file.
    "aws_secret_key" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: secret_key,
        group: credentials,
    }

    /// Specifies the session token of temporary credentials. The module sends and signs it as
    /// x-amz-security-token: a header or, with `aws_signature_in query`, a query parameter. The value can
    /// contain variables.
    "aws_session_token" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: session_token,
        group: credentials,
    }

    /// Specifies a signing key that was derived elsewhere: the first line that `generate_signing_key`
    /// prints. The secret key stays off the machine, but **AWS accepts a signing key only on the UTC day of
    /// its scope**.
    "aws_signing_key" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: signing_key,
        group: credentials,
    }

    /// Specifies the scope of `aws_signing_key`: the second line that `generate_signing_key` prints. Requests
    /// are signed for the region and the service in it.
    "aws_key_scope" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: key_scope,
        group: credentials,
    }

    /// Specifies the region to sign for, such as `eu-west-1`. It is required with a secret key, except with
    /// `aws_signature_version 2`. The value can contain variables.
    "aws_region" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: region,
        field: region: Region, inherited by inherit,
    }

    /// Specifies the service to sign for, by its name in credential scopes: `s3`, `execute-api`, `es`,
    /// `lambda`, `vpc-lattice-svcs`, and so on. The value can contain variables.
    "aws_service" {
        contexts: anywhere,
        arguments: one,
        default: "aws_service s3;",
        setter: service,
        field: service: Value, inherited by inherit,
    }

    /// Specifies the credential provider whose credentials sign requests. The provider must be declared with
    /// `aws_credentials_provider`, before or after this directive. The value can contain variables.
    "aws_credentials" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: credentials,
        group: credentials,
    }

    /// Declares a credential provider, which `aws_credentials` can name. The module fetches and refreshes its
    /// credentials whether or not a location uses them.
    "aws_credentials_provider" {
        contexts: http,
        arguments: two_or_more,
        default: "-",
        setter: provider,
    }

    /// Sets how long a request waits for the first credentials and for required tokens. The value `0` disables
    /// waiting.
    "aws_credentials_timeout" {
        contexts: anywhere,
        arguments: one,
        default: "aws_credentials_timeout 5s;",
        setter: credentials_timeout,
        field: credentials_timeout: u64, inherited by inherit,
    }

    /// Defines the name and size of the shared memory zone that keeps fetched credentials and tokens for all
    /// workers. The size must be at least `32k`.
    "aws_auth_zone" {
        contexts: http,
        arguments: one,
        default: "aws_auth_zone aws_auth:1m;",
        setter: zone,
    }

    /// Specifies a file with trusted CA certificates in the PEM format, which are used to verify the services
    /// that credential providers and tokens call over https.
    "aws_trusted_certificate" {
        contexts: http,
        arguments: one,
        default: "the certificates that the system trusts",
        setter: trusted_certificate,
    }

    /// Declares a service token and the variable `$aws_token_name` that contains it. The name consists of
    /// letters, digits, and underscores. The module fetches and refreshes the token whether or not it is used.
    "aws_token" {
        contexts: http,
        arguments: two_or_more,
        default: "-",
        setter: token,
    }

    /// Specifies the tokens without which nginx does not send requests to an upstream. The parameter `on`
    /// requires all declared tokens, and `off` requires none.
    "aws_token_required" {
        contexts: not_in_upstream,
        arguments: one_or_more,
        default: "aws_token_required off;",
        setter: token_required,
        field: token_required: Rc<TokenRequirement>, inherited by inherit,
    }

    /// Declares a variable that contains a presigned URL: `url`, followed by `path` and by the query
    /// parameters that sign it. Any client that has the URL can send requests of the given method until it
    /// expires.
    "aws_presigned_url" {
        contexts: http,
        arguments: two_or_more,
        default: "-",
        setter: presigned_url,
    }

    /// Enables or disables signing of the requests that `proxy_pass` sends. A variable disables signing if its
    /// value is empty, `0`, or `off`, and enables it otherwise. Without a parameter, the directive enables
    /// signing in its own block and in `if` and `limit_except` blocks in it, but not in nested locations.
    "aws_sign" {
        contexts: anywhere,
        arguments: none_or_one,
        default: "aws_sign off;",
        setter: sign,
        field: sign: Sign, inherited by inherit_sign,
    }

    /// Specifies the S3 bucket. If it is set, the module sends and signs `bucket.endpoint` as Host, regardless
    /// of `proxy_pass` and `proxy_set_header Host`; otherwise, it signs the Host that nginx sends. An empty
    /// value (`""`) cancels an inherited bucket. The value can contain variables.
    "aws_s3_bucket" {
        contexts: anywhere,
        arguments: one,
        default: "-",
        setter: s3_bucket,
        field: bucket: Value, inherited by inherit,
    }

    /// Specifies the host name and the optional port of the S3 endpoint, without a scheme. They are used in
    /// Host only; `proxy_pass` specifies where requests are sent. The value can contain variables.
    "aws_endpoint" {
        contexts: anywhere,
        arguments: one,
        default: "the region's own, such as s3.eu-west-1.amazonaws.com; s3.amazonaws.com with a signing key, or \
                  with version 2 and no region",
        setter: endpoint,
        field: endpoint: Value, inherited by inherit,
    }

    /// Specifies where requests name the bucket of `aws_s3_bucket`: in the host (`virtual`,
    /// `bucket.endpoint/key`) or in the path (`path`, `endpoint/bucket/key`).
    "aws_addressing_style" {
        contexts: anywhere,
        arguments: one,
        default: "aws_addressing_style virtual;",
        setter: addressing_style,
        field: addressing: Addressing, inherited by inherit,
    }

    /// Specifies where the signature is sent: in the Authorization header or, as in a presigned URL, in the
    /// query. The parameter `expires` sets how long the upstream accepts a signature in the query, from
    /// 1 second to 7 days; the default is 15 minutes.
    "aws_signature_in" {
        contexts: anywhere,
        arguments: one_or_two,
        default: "aws_signature_in headers;",
        setter: signature_in,
        field: signature_in: SignatureIn, inherited by inherit,
    }

    /// Sets the version of the signature. Version 2 is for object stores that do not support version 4: AWS
    /// rejects it in regions that were opened after January 2014.
    "aws_signature_version" {
        contexts: anywhere,
        arguments: one,
        default: "aws_signature_version 4;",
        setter: signature_version,
        field: signature_version: SignatureVersion, inherited by inherit,
    }

    /// Specifies the methods of requests to sign. nginx rejects requests with other methods with 405 and an
    /// Allow header.
    "aws_sign_methods" {
        contexts: anywhere,
        arguments: one_or_more,
        default: "aws_sign_methods GET HEAD;",
        setter: sign_methods,
        field: methods: MethodSet, inherited by inherit,
    }

    /// Specifies which S3 operations are signed. The parameters are classes, names of operations as AWS spells
    /// them, and `all`, which allows everything. The list replaces the default one. Does not apply to services
    /// other than S3.
    "aws_sign_operations" {
        contexts: anywhere,
        arguments: one_or_more,
        default: "aws_sign_operations read list; \
                  aws_sign_operations read list write multipart delete; if aws_sign_methods lists another \
                  method than GET and HEAD",
        setter: sign_operations,
        field: operations: OperationSet, inherited by inherit,
    }

    /// Specifies how request bodies are sent to S3, and whether the signature covers them.
    "aws_payload" {
        contexts: anywhere,
        arguments: one,
        default: "aws_payload auto;",
        setter: payload,
        field: payload: Payload, inherited by inherit,
    }

    /// Specifies headers to sign if they are sent, in addition to Host, Content-Type, Content-MD5, and all
    /// x-amz-* headers, which are always signed. Does not apply to signatures of version 2.
    "aws_signed_headers" {
        contexts: anywhere,
        arguments: one_or_more,
        default: "-",
        setter: signed_headers,
        field: signed_headers: SignedHeaders, inherited by inherit,
    }

    /// Specifies the x-amz-* headers of clients that are forwarded and signed. A name that ends with `*` is a
    /// prefix. The list replaces the default one; `off` forwards none of these headers.
    "aws_pass_headers" {
        contexts: anywhere,
        arguments: one_or_more,
        default: "aws_pass_headers x-amz-meta-* x-amz-checksum-* x-amz-sdk-checksum-algorithm \
                  x-amz-checksum-mode x-amz-server-side-encryption* x-amz-trailer \
                  x-amz-decoded-content-length x-amz-content-sha256 x-amz-expected-bucket-owner;",
        setter: pass_headers,
        field: pass_headers: PassHeaders, inherited by inherit,
    }

    /// Enables or disables the query parameters of S3 with which clients can set headers of the response:
    /// `response-content-type`, `response-content-disposition`, and so on.
    "aws_response_overrides" {
        contexts: anywhere,
        arguments: one,
        default: "aws_response_overrides off;",
        setter: response_overrides,
        field: response_overrides: bool, inherited by inherit,
    }

    /// Enables or disables hiding of authentication errors: responses in which the upstream rejects the
    /// signature, key, or token. Such responses can repeat the session token and the whole canonical request.
    "aws_hide_auth_errors" {
        contexts: anywhere,
        arguments: one,
        default: "aws_hide_auth_errors on;",
        setter: hide_auth_errors,
        field: hide_auth_errors: bool, inherited by inherit,
    }

    /// Enables the status in the location: the module answers requests there with the state of credentials and
    /// tokens, with counters of signed and rejected requests, and with the last errors of upstreams.
    "aws_auth_status" {
        contexts: location,
        arguments: none,
        default: "-",
        setter: status,
    }
}
