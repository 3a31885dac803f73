//! Hands on what nginx-sys has found out about the nginx that this build is for, and compiles what only
//! C can know of it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    cfg(
        "ngx_feature",
        "DEP_NGINX_FEATURES_CHECK",
        "DEP_NGINX_FEATURES",
    );
    cfg("ngx_os", "DEP_NGINX_OS_CHECK", "DEP_NGINX_OS");

    compile(&["src/ffi/http/flags.c", "src/ffi/http/aside.c"]);

    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "macos") {
        // nginx's own functions are found when nginx loads the module.
        println!("cargo::rustc-link-arg=-undefined");
        println!("cargo::rustc-link-arg=dynamic_lookup");
    }
}

/// Compiles sources that include nginx's headers.
fn compile(sources: &[&str]) {
    const INCLUDE: &str = "DEP_NGINX_INCLUDE";
    for source in sources {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-env-changed={INCLUDE}");
    let include = env::var_os(INCLUDE).expect("nginx-sys names nginx's folders");
    cc::Build::new()
        .cargo_warnings(!is_zig())
        .files(sources)
        .includes(env::split_paths(&include))
        .flag("-fvisibility=hidden")
        .compile("aws_auth_ffi");
}

/// Whether cargo-zigbuild has set the compiler. When cc asks it for its version, zig responds, but
/// also prints an error about the version of glibc in the target, which would become a warning.
fn is_zig() -> bool {
    let target = env::var("TARGET").unwrap_or_default().replace('-', "_");
    env::var(format!("CC_{target}")).is_ok_and(|compiler| compiler.contains("zig"))
}

/// Declares the configuration key `name`, whose possible values the variable `known` lists, and
/// sets it to those that `found` lists.
fn cfg(name: &str, known: &str, found: &str) {
    println!("cargo::rerun-if-env-changed={known}");
    println!("cargo::rerun-if-env-changed={found}");
    let values = env::var(known).unwrap_or_else(|_| "any()".into());
    println!("cargo::rustc-check-cfg=cfg({name}, values({values}))");
    for value in env::var(found)
        .unwrap_or_default()
        .split(',')
        .filter(|value| !value.is_empty())
    {
        println!("cargo::rustc-cfg={name}=\"{}\"", value.trim());
    }
}
