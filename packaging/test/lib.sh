# What the tests of packages and builds have in common; sourced, with errexit on.

root=$(cd "$(dirname "$0")/../.." && pwd)
failures=0

# check WHAT COMMAND...: runs the command quietly, and says whether it did what the test is named
# after. What it printed is shown where it did not.
check() {
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok    $what"
    else
        echo "FAIL  $what"
        printf '%s\n' "$output" | tail -n 40 | sed 's/^/      /'
        failures=$((failures + 1))
    fi
}

# need WHAT COMMAND...: as check, where nothing further can be tested without it.
need() {
    local before=$failures
    check "$@"
    [ "$failures" = "$before" ] || finish
}

# refused MESSAGE COMMAND...: the command fails, and prints MESSAGE.
refused() {
    local message=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "succeeded, where this was expected: $message"
        return 1
    fi
    printf '%s\n' "$output" | grep -F -- "$message" || {
        printf '%s\n' "this was expected: $message" "$output"
        return 1
    }
}

# signs NGINX MODULE TEST...: tests of t/tests, run against that nginx and module ("static" where it is linked in). TEST is a
# file or a folder there, or a file in such a folder (payload/signed).
signs() {
    local nginx=$1 module=$2 test failed=0
    shift 2
    cd "$root"
    for test in "$@"; do
        local filter=()
        if [[ $test = */* ]]; then
            # A filter that matches nothing is a success for cargo.
            [ -e "t/tests/$test.rs" ] || { echo "no t/tests/$test.rs"; return 1; }
            filter=(-- "${test#*/}::")
        fi
        AWS_AUTH_NGINX=$nginx AWS_AUTH_MODULE=$module \
            "${CARGO:-cargo}" test --locked --no-fail-fast -p nginx-tests --test "${test%%/*}" "${filter[@]}" || failed=1
    done
    return "$failed"
}

# as_other_owner COMMAND...: runs the command as if the checkout belonged to another user, as far as git can tell.
as_other_owner() {
    (
        export GIT_TEST_ASSUME_DIFFERENT_OWNER=1
        refused "dubious ownership" git status >/dev/null && "$@"
    )
}

# no_dead_links FOLDER: the links of all Markdown files in the folder lead to files.
no_dead_links() {
    local file link links=0 dead=0
    while read -r file link; do
        links=$((links + 1))
        if [ ! -e "$(dirname "$file")/$link" ]; then
            echo "$file: $link"
            dead=$((dead + 1))
        fi
    done < <(relative_links "$1")
    echo "$dead of $links links are dead"
    [ "$links" -gt 20 ] && [ "$dead" = 0 ]
}

# relative_links FOLDER: a line for each link, its file and its target.
relative_links() {
    local file
    find "$1" -name '*.md' -o -name '*.md.gz' | while read -r file; do
        gzip -cdf "$file" | grep -o ']([^)]*)' | sed 's/^](//; s/[#)].*//' | grep -v -e '://' -e '^$' \
            | sed "s,^,$file ,"
    done
}

# documents: the files that docs.sh writes.
documents() {
    (cd "$root" && find README.md CHANGELOG.md docs -type f)
}

# Ends the script with what came of it.
finish() {
    if [ "$failures" != 0 ]; then
        echo "$failures failed"
        exit 1
    fi
    exit 0
}
