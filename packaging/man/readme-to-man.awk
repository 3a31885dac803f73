# README.md as the manual page ngx_http_aws_auth_module(5), so that the reference is written once.
#
#   awk -v version=3.0.0 -v date=2026-01-31 -v examples=<folder> -f readme-to-man.awk README.md
#
# Knows the Markdown that README.md uses: headings, paragraphs, lists, tables, indented and fenced
# code, and inside text `code`, *emphasis*, **strong** and [links](of any kind).

BEGIN {
    # What belongs to a checkout or to another page.
    skipped["Quick start"] = skipped["Installation"] = 1
    skipped["generate_signing_key"] = skipped["Development"] = 1

    print "'\\\" t"
    printf ".TH NGX_HTTP_AWS_AUTH_MODULE 5 \"%s\" \"nginx-module-aws-auth %s\" \"nginx modules\"\n", \
        date, version
    print ".nh"
    print ".ad l"
    print ".SH NAME"
    print "ngx_http_aws_auth_module \\- sign what nginx sends to AWS and S3-compatible stores"
    print ".SH SYNOPSIS"
    print ".B load_module modules/ngx_http_aws_auth_module.so;"
    print ".SH DESCRIPTION"
}

# Fenced code.
/^```/ {
    if (fenced) end_code(); else if (!skip) begin_code()
    fenced = !fenced
    next
}
fenced { if (!skip) print verbatim($0); next }

/^#+ / { heading(); next }
skip { next }

# Indented code; in a list, the same indentation goes on with its item.
/^    / && block != "paragraph" && block != "item" {
    if (block != "code") begin_code()
    for (; blanks > 0; blanks--)
        print ""
    print verbatim(substr($0, 5))
    next
}

/^$/ {
    if (block == "code") {
        blanks++
        next
    }
    end()
    next
}

/^\|/ { row(); next }

/^(- |[0-9]+\. )/ {
    end()
    mark = $1
    item = substr($0, length(mark) + 2)
    sub(/^ +/, "", item)
    printf ".IP \"%s\" 4\n", mark == "-" ? "\\(bu" : mark
    block = "item"
    text = item
    next
}

{
    if (block != "item") {
        if (block != "paragraph") {
            end()
            print started ? ".PP" : ""
        }
        block = "paragraph"
    }
    started = 1
    sub(/^ +/, "")
    text = text (text == "" ? "" : " ") $0
}

END {
    end()
    if (examples != "") {
        print ".SH FILES"
        print ".TP"
        print ".I " escaped(examples)
        print "Complete configurations; the names of files above are of this folder."
    }
    print ".SH SEE ALSO"
    print ".BR generate_signing_key (1),"
    print ".BR nginx (8)"
}

function heading(  depth, name) {
    end()
    depth = length($1)
    name = substr($0, depth + 2)
    if (depth == 1)
        return
    if (depth == 2) {
        section = name
        skip = name in skipped
    }
    if (skip)
        return
    started = 0
    # A manual page has two levels: the directives get the lower one.
    if (depth == 2)
        print ".SH " quoted(toupper(name))
    else if (depth == 3 && section == "Directives")
        print ".SH " quoted(toupper(section ": " name))
    else
        print ".SS " quoted(name)
}

# Ends the block before the current line.
function end() {
    if (block == "code")
        end_code()
    else if (block == "table")
        end_table()
    else if (text != "")
        print inline(text)
    text = block = ""
}

function begin_code() {
    end()
    print ".PP"
    print ".RS 4"
    print ".nf"
    block = "code"
    blanks = 0
}

function end_code() {
    print ".fi"
    print ".RE"
    started = 1
    block = ""
}

# A row of a table, which is kept until the columns are known.
function row(  line, count, cells, i) {
    if (block != "table") {
        end()
        block = "table"
        rows = 0
    }
    line = $0
    gsub(/\\\|/, "\001", line)
    count = split(line, cells, /\|/)
    if (line ~ /^[-| :]+$/)
        return
    rows++
    columns = count - 2
    for (i = 1; i <= columns; i++) {
        line = cells[i + 1]
        gsub(/^ +| +$/, "", line)
        gsub(/\001/, "|", line)
        table[rows, i] = line
    }
}

# Where cells are long, a table is a list of what stands in its first column.
function end_table(  r, i) {
    print ".PP"
    for (r = 2; r <= rows; r++)
        for (i = 2; i <= columns; i++)
            if (length(table[r, i]) > 100) {
                as_list()
                return
            }
    as_table()
}

function as_list(  r, i) {
    for (r = 2; r <= rows; r++) {
        print ".TP"
        print inline(table[r, 1])
        for (i = 2; i < columns; i++)
            if (table[r, i] != "") {
                print "\\fI" escaped(table[1, i]) "\\fP: " inline(table[r, i])
                print ".br"
            }
        print inline(table[r, columns])
    }
    started = 1
}

# The cells of long columns are blocks of text, which share the width.
function as_table(  r, i, format, wide) {
    print ".TS"
    print "tab(\t);"
    for (i = 1; i <= columns; i++) {
        wide = 0
        for (r = 1; r <= rows; r++)
            if (length(table[r, i]) > 30)
                wide = 1
        format = format (i > 1 ? " " : "") "l" (wide ? "x" : "")
    }
    print format "."
    for (r = 1; r <= rows; r++) {
        for (i = 1; i <= columns; i++)
            printf "%sT{\n%s\nT}", (i > 1 ? "\t" : ""), cell(r, i)
        print ""
        if (r < rows)
            print ".sp 1v"
    }
    print ".TE"
    started = 1
}

# What a column holds stands in the first row.
function cell(r, i) {
    if (r > 1)
        return inline(table[r, i])
    return table[r, i] == "" ? "" : "\\fI" escaped(table[r, i]) "\\fP"
}

# Text with its marks, as a line of roff.
function inline(s,  out, last, bracket) {
    while (s != "") {
        if (substr(s, 1, 1) == "`" && (last = index(substr(s, 2), "`"))) {
            out = out "\\fB" escaped(substr(s, 2, last - 1)) "\\fP"
            s = substr(s, last + 2)
        } else if (substr(s, 1, 2) == "**" && (last = index(substr(s, 3), "**"))) {
            out = out "\\fB" inline(substr(s, 3, last - 1)) "\\fP"
            s = substr(s, last + 4)
        } else if (match(s, /^\*[^ *][^*]*\*/)) {
            last = RLENGTH
            out = out "\\fI" inline(substr(s, 2, last - 2)) "\\fP"
            s = substr(s, last + 1)
        } else if (match(s, /^\[[^]]+\]\([^)]*\)/)) {
            last = RLENGTH
            bracket = index(s, "](")
            out = out inline(substr(s, 2, bracket - 2))
            # A page has no other files beside it, and no anchors.
            if (substr(s, bracket + 2) ~ /^https?:/)
                out = out " (" escaped(substr(s, bracket + 2, last - bracket - 2)) ")"
            s = substr(s, last + 1)
        } else {
            out = out escaped(substr(s, 1, 1))
            s = substr(s, 2)
        }
    }
    return out ~ /^[.']/ ? "\\&" out : out
}

# A line of code.
function verbatim(s) {
    s = escaped(s)
    return s ~ /^[.']/ ? "\\&" s : s
}

function escaped(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    # ~ and ^ are typed, and not accents.
    gsub(/~/, "\\(ti", s)
    gsub(/\^/, "\\(ha", s)
    gsub(/`/, "\\(ga", s)
    return s
}

function quoted(s) {
    return "\"" escaped(s) "\""
}
