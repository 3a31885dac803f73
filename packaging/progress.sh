# Long steps that do not keep silent; sourced.

# progress WHAT LOG COMMAND...: runs the command with its output in the file LOG. Says WHAT is done, and every 15
# seconds for how long it has run and the last line of its output, on standard error.
progress() {
    progress_what=$1 progress_log=$2
    shift 2
    echo "$progress_what" >&2
    : >"$progress_log"
    progress_ticker $$ &
    progress_pid=$!
    progress_status=0
    "$@" >"$progress_log" 2>&1 || progress_status=$?
    kill "$progress_pid" 2>/dev/null || true
    return "$progress_status"
}

# Ends with the script, also if that is killed: a shell's background processes ignore Ctrl-C.
progress_ticker() {
    progress_seconds=0
    trap 'kill $progress_sleep; exit 0' TERM
    while :; do
        sleep 15 >/dev/null 2>&1 &
        progress_sleep=$!
        wait "$progress_sleep"
        kill -0 "$1" 2>/dev/null || exit 0
        progress_seconds=$((progress_seconds + 15))
        echo "  $progress_seconds s: $(tail -n 1 "$progress_log" | sed 's/^ *//' | cut -c 1-80)" >&2
    done
}
