# The introduction of README.md and pages of docs/ as the manual page ngx_http_aws_auth_module(5), so that the reference is written once.
#
#   awk -v version=3.0.0 -v date=2026-01-31 -v basic=<configuration> -v examples=<folder> -v readme=README.md -f docs-to-man.awk \
#       README.md docs/directives.md ...
#
# Knows the Markdown that these pages use: headings, paragraphs, lists, tables, indented and fenced
# code, and inside text `code`, *emphasis*, **strong** and [links](of any kind).

BEGIN {
    # Links, which a manual page does not have.
    skipped["Alphabetical index"] = 1

    # What a terminal of 80 columns has between the margins of a page, and between the columns of a table.
    width = 71
    gap = 3

    print "'\\\" t"
    printf ".TH NGX_HTTP_AWS_AUTH_MODULE 5 \"%s\" \"nginx-module-aws-auth %s\" \"nginx modules\"\n", \
        date, version
    print ".nh"
    print ".ad l"
    # groff 1.23 sets the adjustment for each paragraph.
    print ".ds AD l"
    print ".SH NAME"
    print "ngx_http_aws_auth_module \\- sign what nginx sends to AWS and S3-compatible stores"
    print ".SH SYNOPSIS"
    print ".B load_module modules/ngx_http_aws_auth_module.so;"
    print ".SH DESCRIPTION"
}

# A new page.
FNR == 1 {
    end()
    skip = 0
    is_readme = FILENAME == readme
}

# Fenced code.
/^```/ {
    if (fenced) end_code(); else if (!skip) begin_code()
    fenced = !fenced
    next
}
fenced { if (!skip) print verbatim($0); next }

/^#+ / { heading(); next }
skip || /^</ { next }

# A directive's syntax, default and context; deeper lines go on with the one above.
/^    (Syntax|Default|Context|Since): / {
    if (block != "syntax") {
        end()
        print ".PP"
        print ".PD 0"
        block = "syntax"
    }
    item = $1
    sub(/^    [A-Z][a-z]*: +/, "")
    printf ".IP %s 9\n", item
    syntax(item, $0)
    next
}
block == "syntax" && /^     / {
    if (item == "Syntax:")
        print ".br"
    sub(/^ +/, "")
    syntax(item, $0)
    next
}

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

# A manual page has two levels. A page of docs/ gets the upper one and its sections the lower one; in the reference, the
# groups get the upper one and the directives the lower one. README.md has nothing but its introduction here.
function heading(  depth, name) {
    end()
    depth = length($1)
    name = substr($0, depth + 2)
    if (is_readme) {
        if (depth == 2 && !skip) {
            basic_configuration()
            skip = 1
        }
        return
    }
    if (depth == 1)
        page = name
    if (depth <= 2)
        skip = name in skipped
    if (skip)
        return
    started = 0
    if (depth == 2 && page == "Directives")
        print ".SH " quoted(toupper(page ": " name))
    else if (depth == 1)
        print ".SH " quoted(toupper(name))
    else
        print ".SS " quoted(name)
}

# The configuration to begin with, without the comment at its top.
function basic_configuration(  line, begun) {
    print ".SH \"BASIC CONFIGURATION\""
    print "A private S3 bucket behind nginx:"
    begin_code()
    while ((getline line < basic) > 0) {
        begun = begun || line ~ /^[^#]/
        if (begun)
            print verbatim(line)
    }
    end_code()
}

function syntax(item, s) {
    s = breakable(escaped(s))
    print item == "Syntax:" ? "\\fB" s "\\fP" : s
}

# Ends the block before the current line.
function end() {
    if (block == "code")
        end_code()
    else if (block == "table")
        end_table()
    else if (block == "syntax") {
        print ".PD"
        started = 1
    }
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

# A table whose cells are long, or that is too wide, becomes a list of what is in its first column.
function end_table(  r, i) {
    print ".PP"
    for (r = 2; r <= rows; r++)
        for (i = 2; i <= columns; i++)
            if (length(table[r, i]) > 100) {
                as_list()
                return
            }
    if (fits())
        as_table()
    else
        as_list()
}

# Shares the width between the columns: each gets what its longest word needs, and of the rest, what it can use.
function fits(  i, r, s, least, most, left, wanted) {
    left = width - gap * (columns - 1)
    for (i = 1; i <= columns; i++) {
        need[i] = 1
        most = 0
        for (r = 1; r <= rows; r++) {
            s = shown(table[r, i])
            if (length(s) > most)
                most = length(s)
            least = longest_word(s)
            if (least > need[i])
                need[i] = least
        }
        wish[i] = most - need[i]
        wanted += wish[i]
        left -= need[i]
    }
    if (left < 0)
        return 0
    for (i = 1; i <= columns; i++)
        column_width[i] = need[i] + (wanted <= left ? wish[i] : int(wish[i] * left / wanted))
    return 1
}

# A cell as a reader sees it, with a newline where a long word can be broken.
function shown(s,  roff) {
    roff = inline(s)
    gsub(/\\f[BIP]|\\&/, "", roff)
    gsub(/\\:/, "\n", roff)
    gsub(/\\\([a-z][a-z]|\\[e-]/, "x", roff)
    return roff
}

function longest_word(s,  words, count, i, longest) {
    count = split(s, words, /[ \n]+/)
    for (i = 1; i <= count; i++)
        if (length(words[i]) > longest)
            longest = length(words[i])
    return longest
}

function as_list(  r, i) {
    for (r = 2; r <= rows; r++) {
        print ".TP"
        print inline(table[r, 1])
        for (i = 2; i < columns; i++)
            if (table[r, i] != "") {
                print label(i) inline(table[r, i])
                print ".br"
            }
        print (columns > 3 ? label(columns) : "") inline(table[r, columns])
    }
    started = 1
}

# The name of a column, before its cell.
function label(i,  name) {
    name = table[1, i]
    gsub(/`/, "", name)
    return "\\fI" escaped(name) "\\fP: "
}

# Cells are blocks of text with a ragged right margin.
function as_table(  r, i, format) {
    print ".TS"
    print "tab(\t);"
    for (i = 1; i <= columns; i++)
        format = format (i > 1 ? " " : "") "lw(" column_width[i] "n)"
    print format "."
    for (r = 1; r <= rows; r++) {
        for (i = 1; i <= columns; i++)
            printf "%s%s", (i > 1 ? "\t" : ""), cell(r, i) == "" ? "" : "T{\n.ad l\n" cell(r, i) "\nT}"
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
    return table[r, i] == "" ? "" : "\\fI" inline(table[r, i]) "\\fP"
}

# Text with its marks, as a line of roff.
function inline(s,  out, last, bracket) {
    while (s != "") {
        if (substr(s, 1, 1) == "`" && (last = index(substr(s, 2), "`"))) {
            out = out "\\fB" breakable(escaped(substr(s, 2, last - 1))) "\\fP"
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
                out = out " (" breakable(escaped(substr(s, bracket + 2, last - bracket - 2))) ")"
            s = substr(s, last + 1)
        } else {
            out = out escaped(substr(s, 1, 1))
            s = substr(s, 2)
        }
    }
    return out ~ /^[.']/ ? "\\&" out : out
}

# Long words of code may be broken after these characters, without a hyphen.
function breakable(s,  words, count, i, out) {
    count = split(s, words, " ")
    for (i = 1; i <= count; i++) {
        if (length(words[i]) > 24)
            gsub(/[\/:,=]/, "&\\:", words[i])
        out = out (i > 1 ? " " : "") words[i]
    }
    return out
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
