# SPDX-License-Identifier: GPL-2.0-or-later
# Makes a table in C of the functions of C files, as the kernel writes them ("{" and "}" of a function begin a line): file,
# function, a hash of its text without comments and blanks, and whether it is in the engine. What is outside of functions
# is one more entry of its file, without a name.
#
#   awk -v top=TREE/arch/x86/kvm/ -v symbols=FILE -v sources="pmu.c ..." -f functions.awk FILE...
#
# In the engine can be what the compiler saw, @sources. Of these a function is, if it is a line of @symbols or if such a function
# names it: then it was inlined.

function hash(text, so_far,    at)
{
	for (at = 1; at <= length(text); at++)
		so_far = (so_far * 257 + code[substr(text, at, 1)]) % 17592186044399
	return so_far
}

# The line without comments; one that goes on is remembered in @comment.
function plain(line,    out, at)
{
	out = ""
	while (line != "") {
		if (comment) {
			at = index(line, "*/")
			if (!at)
				return out
			comment = 0
			line = substr(line, at + 2)
		} else if ((at = match(line, /\/[*\/]/))) {
			out = out substr(line, 1, at - 1)
			comment = substr(line, at + 1, 1) == "*"
			line = comment ? substr(line, at + 2) : ""
		} else {
			out = out line
			line = ""
		}
	}
	return out
}

# The function whose declaration @head is.
function name_of(head,    at)
{
	at = index(head, "(")
	if (!at || index(substr(head, 1, at), "="))
		return ""
	head = substr(head, 1, at - 1)
	sub(/[ \t]+$/, "", head)
	return match(head, /[A-Za-z_][A-Za-z_0-9]*$/) ? substr(head, RSTART) : ""
}

# @text belongs to entry @key.
function add(key, text)
{
	gsub(/[ \t]+/, "", text)
	hashes[key] = hash(text, hashes[key] + 0)
}

BEGIN {
	for (at = 1; at < 256; at++)
		code[sprintf("%c", at)] = at
	while ((getline line < symbols) > 0)
		linked[line]
	n = split(sources, source, " ")
	for (at = 1; at <= n; at++)
		compiled[source[at]]
}

FNR == 1 {
	file = substr(FILENAME, length(top) + 1)
	comment = 0
	head = name = ""
	macro = 0
	rest = file SUBSEP ""
	order[++entries] = rest
	hashes[rest] = 0
}

{
	line = plain($0)
	# A macro, which may look like a function's text.
	if (name == "" && (macro || line ~ /^#/)) {
		macro = line ~ /\\$/
		add(rest, head line)
		head = ""
		next
	}
	if (line ~ /^[ \t]*$/) {
		if (name == "") {
			add(rest, head)
			head = ""
		}
		next
	}
	if (name == "" && line ~ /^\{/ && (name = name_of(head)) != "") {
		key = file SUBSEP name
		if (!(key in hashes))
			order[++entries] = key
		add(key, head)
		head = ""
	}
	if (name != "") {
		add(key, line)
		words[key] = words[key] " " line
		if (line ~ /^\}/)
			name = ""
		next
	}
	if (head == "" && line !~ /^[A-Za-z_]/) {
		add(rest, line)
		next
	}
	head = head " " line
	# All of it in the line of its declaration.
	if (head ~ /\{.*\}[ \t]*$/ && (name = name_of(head)) != "") {
		key = file SUBSEP name
		if (!(key in hashes))
			order[++entries] = key
		add(key, head)
		words[key] = words[key] " " head
		head = name = ""
	}
	if (head ~ /[;{}][ \t]*$/) {
		add(rest, head)
		head = ""
	}
}

END {
	for (at = 1; at <= entries; at++) {
		split(order[at], part, SUBSEP)
		seen[at] = part[1] in compiled
		if (part[2] == "" || !seen[at])
			continue
		of[part[2]] = of[part[2]] " " at
		if (part[2] in linked)
			queue[++last] = at
	}
	for (first = 1; first <= last; first++) {
		if (inside[queue[first]]++)
			continue
		n = split(words[order[queue[first]]], word, /[^A-Za-z_0-9]+/)
		for (at = 1; at <= n; at++)
			if (word[at] in of) {
				m = split(of[word[at]], more, " ")
				for (other = 1; other <= m; other++)
					if (!(more[other] in inside))
						queue[++last] = more[other]
				delete of[word[at]]
			}
	}
	for (at = 1; at <= entries; at++) {
		split(order[at], part, SUBSEP)
		printf "\t{ \"%s\", \"%s\", %.0fULL, %d },\n", part[1], part[2], hashes[order[at]],
			(part[2] == "" ? seen[at] : inside[at] > 0)
	}
}
