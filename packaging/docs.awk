# A Markdown document of the sources as a document of a package: docs.sh says which links it gets.
#
#   awk -v document=docs/x.md -v documents="README.md docs/x.md" -v examples=examples -v changelog= -f docs.awk docs/x.md

BEGIN {
    count = split(documents, names, /[ \n]+/)
    for (i = 1; i <= count; i++)
        place[names[i]] = names[i]
    if (changelog != "")
        place["CHANGELOG.md"] = changelog

    # From the document's folder to that of README.md.
    depth = split(document, folders, "/") - 1
    for (i = 1; i <= depth; i++)
        up = up "../"
}

# Code has no links: an indented line is code after an empty line or other code.
/^ *```/ { fenced = !fenced }
{
    indented = /^    / && (indented || last == "")
    last = $0
    if (fenced || indented)
        gsub(/\]\(/, "]\001(")
    else
        guard_spans()
    text = text $0 "\n"
}

# In `code`, which is every second part of a line.
function guard_spans(  parts, count, i, line) {
    count = split($0, parts, "`")
    for (i = 1; i <= count; i++) {
        if (i % 2 == 0)
            gsub(/\]\(/, "]\001(", parts[i])
        line = line (i > 1 ? "`" : "") parts[i]
    }
    $0 = line
}

END {
    # The text of a link can continue on another line.
    while (match(text, /\[[^][]*\]\([^()]*\)/)) {
        printf "%s", plain(substr(text, 1, RSTART - 1))
        link = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        printf "%s", rewritten(link)
    }
    printf "%s", plain(text)
}

function plain(s) {
    gsub(/\001/, "", s)
    return s
}

function rewritten(link,  bracket, name, target, anchor, path) {
    bracket = index(link, "](")
    name = substr(link, 2, bracket - 2)
    target = substr(link, bracket + 2, length(link) - bracket - 2)
    if (target ~ /^#/ || target ~ /:\/\//)
        return link
    if (match(target, /#.*/)) {
        anchor = substr(target, RSTART)
        target = substr(target, 1, RSTART - 1)
    }
    path = from_root(target)
    if (path ~ /^nginx-conf(\/|$)/) {
        sub(/^nginx-conf/, examples, path)
        sub(/^nginx-conf/, examples, name)
        return "[" name "](" up path anchor ")"
    }
    if (path in place)
        return "[" name "](" up place[path] anchor ")"
    return name == path ? name " (in the sources)" : name " (" path " in the sources)"
}

# The path of a link's target from the root of the sources.
function from_root(target,  parts, kept, count, i, path) {
    path = document
    sub(/[^\/]*$/, "", path)
    count = split(path target, parts, "/")
    path = ""
    kept = 0
    for (i = 1; i <= count; i++) {
        if (parts[i] == "..")
            kept--
        else if (parts[i] != ".")
            parts[++kept] = parts[i]
    }
    for (i = 1; i <= kept; i++)
        path = path (i > 1 ? "/" : "") parts[i]
    return path
}
