# Two commands on a fresh machine: `make demo` and `make test`. Both install what they need.
#
#   make build   the module for this machine's nginx, in build/modules/
#   make demo    a private object fetched through a signing nginx; ONCE=1 ends by itself
#   make install, make uninstall  the built module, in the folder where this machine's nginx looks for modules
#   make test    all tests
#   make test-packages  packages and other builds: test-nginx-build, test-deb, test-alpine, test-portable, test-rpm,
#                test-source
#   make test-fresh     the quick start, packages and more in minimal roots of Debian; test-fresh-full: all tests there
#   make man     the manual pages, in dist/man/
#   make docs    the documentation as a book, in dist/docs/
#   make lint    rustfmt, clippy, and which part of src/ uses which
#   make bench   what signing costs; PEER_MODULE=<other .so> measures that one too
#   make deps    installs what the others need, and says what it installs
#   make deb     packages in dist/, for the nginx of this Debian or Ubuntu
#   make rpm     an RPM in dist/, for one of the RHEL family; rpm-all, srpm, tarball. See packaging/README.md
#
# Another nginx than the installed one: NGINX_SOURCE_DIR=<tree> NGINX_BUILD_DIR=<tree>/objs; for packages
# NGINX_SOURCE=<archive, folder or RPM>.

CARGO ?= cargo
# Relative, since make cannot handle blanks in the names of targets, and the checkout may be in any folder.
MODULE := build/modules/ngx_http_aws_auth_module.so

export CARGO
export NGINX_SOURCE_DIR ?= $(CURDIR)/build/nginx
export NGINX_BUILD_DIR ?= $(NGINX_SOURCE_DIR)/objs

# The root package without the nginx sources of crate nginx-src.
PACKAGE := -p ngx_http_aws_auth_module --no-default-features --features export-modules
OTHERS := --workspace --exclude ngx_http_aws_auth_module

# Everything that a target needs is asked for first: see deps below. cargo uses all processors.
.NOTPARALLEL:

.PHONY: build demo install uninstall test lint bench deps clean FORCE

build: $(MODULE)

$(MODULE): FORCE | deps-build
	@mkdir -p $(@D)
	@built=$$(packaging/cargo-built.sh libngx_http_aws_auth_module.so build --release --locked $(PACKAGE)) \
		&& { cmp -s "$$built" $@ || install -m 755 "$$built" $@; }
	@echo "built $(CURDIR)/$@"

# exec: Ctrl-C would end a shell that waits, and make would call that an error.
demo: deps-demo build
	@origin=$$(packaging/cargo-built.sh s3-origin build --locked -p aws-origin) \
		&& MODULE="$(CURDIR)/$(MODULE)" ORIGIN="$$origin" ONCE="$(ONCE)" exec packaging/demo.sh

# NGINX=<program> DESTDIR=<folder>. Neither builds: root has no Rust, as a rule.
install uninstall:
	@packaging/install.sh $@

test: deps-test build
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked $(OTHERS); \
	else \
		$(CARGO) test --locked --no-fail-fast $(OTHERS); \
	fi

# What nginx's own build makes of the module, and what is in packages.
.PHONY: test-packages test-nginx-build test-deb test-alpine test-portable test-rpm test-source
test-packages: test-nginx-build test-deb test-alpine test-portable test-rpm test-source

test-deb: deps-test deps-deb deps-test-deb
	@packaging/test/deb.sh

test-nginx-build: deps-build deps-test
	@packaging/test/nginx-build.sh

test-alpine: test-nginx-build
	@packaging/test/alpine.sh

test-portable: deps-test deps-rpm
	@packaging/test/portable.sh

test-rpm: deps-rpm deps-test-rpm
	@packaging/test/rpm.sh

test-source: test-portable
	@packaging/test/source.sh

# What a newcomer does, on machines where nothing is installed: see packaging/test/fresh.sh. It runs as root.
.PHONY: test-fresh test-fresh-demo test-fresh-full
test-fresh: deps-test-fresh
	@packaging/test/fresh.sh

# One user in each suite, demo and quick start only, with a module that is built fast: what CI has time for.
test-fresh-demo: deps-test-fresh
	@FRESH="$(or $(FRESH),bookworm trixie)" FRESH_USERS="$(or $(FRESH_USERS),ann)" FRESH_STEPS="refusals install demo quick-start" \
		CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		packaging/test/fresh.sh

# All tests.
test-fresh-full: deps-test-fresh
	@FRESH="$(or $(FRESH),bookworm trixie)" FRESH_USERS="$(or $(FRESH_USERS),ann)" FRESH_STEPS=suite packaging/test/fresh.sh

# Pages of docs/ as a manual page.
.PHONY: man
man:
	@packaging/man/build.sh dist/man

# README.md and docs/ as a book. Without mdbook, cargo installs it into build/ first.
.PHONY: docs
docs:
	@packaging/book.sh

lint: deps-lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked $(PACKAGE) --all-targets -- -D warnings
	$(CARGO) clippy --locked $(OTHERS) --all-targets -- -D warnings
	$(CARGO) test --locked --quiet -p nginx-tests --test rooms

bench: deps-bench build
	$(CARGO) bench --locked -p aws-signing
	PEER_MODULE="$(PEER_MODULE)" AWS_AUTH_MODULE="$(CURDIR)/$(MODULE)" $(CARGO) run --release --locked -p nginx-bench

# DIST=el7|el8|el9|el10|amzn2|amzn2023 FLAVOUR=distro|nginx.org ARCH=x86_64|aarch64, and which nginx:
# NGINX_VERSION=<one that is at hand>, or NGINX_SOURCE=<archive, folder or RPM>.
DISTS := el7 el8 el9 el10 amzn2 amzn2023
export DIST FLAVOUR ARCH NGINX_VERSION NGINX_SOURCE EPOCH

.PHONY: rpm rpm-all srpm tarball
# First says which nginx has to be named, if any: before something is installed.
rpm:
	@packaging/nginx-source.sh >/dev/null
	@packaging/deps.sh rpm
	@packaging/rpm.sh

rpm-all: deps-rpm
	@set -e; for dist in $(DISTS); do for flavour in distro nginx.org; do \
		DIST=$$dist FLAVOUR=$$flavour packaging/rpm.sh; \
	done; done

srpm: deps-rpm
	@packaging/srpm.sh

tarball: deps-rpm
	@packaging/tarball.sh

.PHONY: deb
deb: deps-deb
	@packaging/deb.sh

# Installs packages only if something is missing. Targets that build something else as well ask for both at once.
NEEDS_demo := build demo
NEEDS_test := build test
NEEDS_bench := build bench
TARGETS := build lint demo test bench rpm deb test-deb test-rpm test-fresh

deps:
	@packaging/deps.sh build lint demo test bench rpm $(if $(wildcard /usr/bin/apt-get),deb)

.PHONY: $(TARGETS:%=deps-%)
$(TARGETS:%=deps-%):
	@packaging/deps.sh $(or $(NEEDS_$(@:deps-%=%)),$(@:deps-%=%))

clean:
	rm -rf build
	$(CARGO) clean
