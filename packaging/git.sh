#!/bin/sh
# Runs git in this checkout, even if the checkout belongs to another user: git.sh COMMAND...
#
# git refuses to work in another user's checkout, such as a volume of a container, because the checkout's
# configuration can name programs to run. These scripts come from the same checkout, so they are trusted
# already. Some versions of git read safe.directory only from a configuration file of the user. No locks: no file of
# the checkout gets another owner.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
printf '[safe]\n\tdirectory = *\n' >"$home/.gitconfig"
GIT_OPTIONAL_LOCKS=0 HOME=$home XDG_CONFIG_HOME=$home GIT_CONFIG_GLOBAL=$home/.gitconfig git -C "$root" "$@"
