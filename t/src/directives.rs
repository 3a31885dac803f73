//! The module's directives, as they are declared in src/conf/declarations.rs.

/// The page that describes each directive, below the project's folder.
pub const REFERENCE: &str = "docs/directives.md";

/// What is declared of a directive.
pub struct Directive {
    /// As nginx knows it.
    pub name: &'static str,
    /// Where it is allowed, as the reference says it.
    pub contexts: &'static [&'static str],
    /// How many arguments it takes; `None` if there is no limit.
    pub arguments: (usize, Option<usize>),
    /// What the reference says is used without it.
    pub default: &'static str,
    /// The lines of the first paragraph of its description.
    text: &'static [&'static str],
}

impl Directive {
    /// The first paragraph of its description, in one line.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self.text.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }

    /// Whether it is allowed there; one of [`CONTEXTS`].
    pub fn is_allowed_in(&self, context: &str) -> bool {
        self.contexts.contains(&context)
    }
}

/// All contexts that a directive can be allowed in.
pub const CONTEXTS: &[&str] = &["http", "server", "upstream", "location", "if in location"];

macro_rules! directives {
    (
        groups { $($group:ident: $group_type:ty, inherited by $inherit_group:path;)* }
        $(
            $(#[doc = $text:literal])+
            $name:literal {
                contexts: $contexts:ident,
                arguments: $arguments:ident,
                default: $default:literal,
                setter: $setter:ident,
                $(field: $field:ident: $type:ty, inherited by $inherit:path,)?
                $(group: $in_group:ident,)?
            }
        )*
    ) => {
        /// All of them.
        pub const ALL: &[Directive] = &[$(Directive {
            name: $name,
            contexts: contexts!($contexts),
            arguments: arguments!($arguments),
            default: $default,
            text: &[$($text),+],
        }),*];
    };
}

macro_rules! contexts {
    (anywhere) => {
        CONTEXTS
    };
    (not_in_upstream) => {
        &["http", "server", "location", "if in location"]
    };
    (http) => {
        &["http"]
    };
    (location) => {
        &["location"]
    };
}

macro_rules! arguments {
    (none) => {
        (0, Some(0))
    };
    (one) => {
        (1, Some(1))
    };
    (none_or_one) => {
        (0, Some(1))
    };
    (one_or_two) => {
        (1, Some(2))
    };
    (one_or_more) => {
        (1, None)
    };
    (two_or_more) => {
        (2, None)
    };
}

include!("../../src/conf/declarations.rs");
