# Flatten JSON, however it is laid out: one line per scalar, its path and its value with a tab between.
#   {"links": [{"id": "a"}]}   ->   links.0.id<TAB>a
# Line breaks and tabs within a string become spaces, null becomes nothing. The exit code is 1 when it is not JSON.

{ text = text $0 "\n" }

END {
    value("")
    if (take("^.") != "") broken()
}

function value(path,    opening, n, key) {
    opening = take("^[[{]")
    if (opening == "") { scalar(path); return }
    if (take("^[]}]") != "") return
    do {
        if (opening == "{") {
            key = plain(take(STRING()))
            if (take("^:") == "") broken()
        } else
            key = n++
        value(path == "" ? key : path "." key)
    } while (take("^,") != "")
    if (take("^[]}]") == "") broken()
}

function scalar(path,    token) {
    token = take(STRING())
    if (token != "") { print path "\t" plain(token); return }
    token = take("^[-+0-9.a-zA-Z]+")
    if (token == "") broken()
    print path "\t" (token == "null" ? "" : token)
}

function STRING() { return "^\"([^\"\\\\]|\\\\.)*\"" }

# Cut what matches `regex` from the front of the text, after white space.
function take(regex,    found) {
    sub(/^[ \t\r\n]+/, "", text)
    if (!match(text, regex)) return ""
    found = substr(text, 1, RLENGTH)
    text = substr(text, RLENGTH + 1)
    return found
}

# The characters that a string in quotes stands for; beyond ASCII, an escape becomes a question mark.
function plain(quoted,    out, at, letter) {
    quoted = substr(quoted, 2, length(quoted) - 2)
    while ((at = index(quoted, "\\")) > 0) {
        out = out substr(quoted, 1, at - 1)
        letter = substr(quoted, at + 1, 1)
        if (letter == "u") {
            out = out ascii(tolower(substr(quoted, at + 2, 4)))
            at += 4
        } else
            out = out (letter ~ /[nrtbf]/ ? " " : letter)
        quoted = substr(quoted, at + 2)
    }
    out = out quoted
    gsub(/[\t\r\n]/, " ", out)
    return out
}

function ascii(hex,    code, i) {
    for (i = 1; i <= 4; i++) code = code * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
    return code >= 32 && code < 127 ? sprintf("%c", code) : code < 32 ? " " : "?"
}

function broken() { failed = 1; exit 1 }
