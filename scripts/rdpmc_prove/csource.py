# SPDX-License-Identifier: GPL-2.0-or-later
"""A preprocessed C file as a list of top-level items, and which of them are needed.

No parser of C: it finds where each definition begins and ends, and what names it has. What is taken for
needed by mistake costs time; what is missed by mistake is an error of the compiler that comes after."""

import re

# What matters for nesting; whole strings and characters, that their braces do not.
_STRUCTURE = re.compile(r"""[{}();]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|^\#[^\n]*""", re.M)
_MARKER = re.compile(r'^# (\d+) ("[^"\n]*")[^\n]*', re.M)
_STRINGS = re.compile(r"""^\#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", re.M)
_MEMBERS = re.compile(r"(?:->|(?<![\w.)\]])\.|\.)\s*[A-Za-z_]\w*")
_WORD = re.compile(r"[A-Za-z_]\w*")
_ENUM = re.compile(r"\benum\b[^{};()]*\{")
_TAG = re.compile(r"\b(?:struct|union|enum)\s+(?:__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)\s*)*([A-Za-z_]\w*)\s*\{")
_BRACKET = re.compile(r"[(){}\[\]]")
_HEAD = re.compile(r"[A-Za-z_]\w*|[(\[=;,]")
_POINTER = re.compile(r"\(\s*\*\s*(?:\*\s*|const\s+|volatile\s+)*([A-Za-z_]\w*)")
_OPENS = re.compile(r"\s*\(")
_BLANK = re.compile(r"\s*")
_names = {}  # of an item, by its text: files share their headers
# Words whose parentheses are not a parameter list.
_NOT_NAMES = frozenset(
    "__attribute__ __attribute __typeof__ typeof __typeof __asm__ asm __asm _Alignas __declspec "
    "_Static_assert sizeof __alignof__ __extension__".split())

_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register return short signed sizeof static struct switch typedef union unsigned void volatile while _Bool "
    "__inline __inline__ __extension__ __const __volatile__ __volatile __signed__ __restrict _Static_assert "
    "_Generic __attribute__ __attribute __typeof__ typeof __typeof __asm__ asm __asm _Alignas __alignof__".split())
# "type NAME," in a declaration: not a use of NAME. The word before must be one of a type, or an asterisk.
_DECLARED = re.compile(r"(?<![\w.])(?!(?:struct|union|enum|const|volatile|return|case|goto|else|sizeof)\b)"
                       r"(\w+\s+|\w+\s*\*[\s*]*(?:const\s+)?|\}\s*|,\s*\*+)([A-Za-z_]\w*)(?=\s*(?:[;,\[:)]|$))")

_POINTERS = re.compile(r"\(\s*\*\s*[A-Za-z_]\w*(?=\s*(?:\[[^\]]*\]\s*)?\)\s*\()")


def without_text(source):
    """@source, of the same length, with strings, characters and line markers blanked."""
    return _STRINGS.sub(lambda found: " " * len(found[0]), source)


def closing(source, start):
    """Where the parenthesis, bracket or brace at @start, in text without strings, is closed."""
    depth = 0
    for found in _BRACKET.finditer(source, start):
        if found[0] in "([{":
            depth += 1
        else:
            depth -= 1
            if not depth:
                return found.start()
    raise ValueError(f"not closed: {source[start:start + 60]!r}")


class Item:
    """A top-level definition or declaration."""

    __slots__ = ("text", "line", "file", "body", "name", "names", "words", "plain")

    def __init__(self, text, line, file, body):
        self.text, self.line, self.file = text, line, file
        self.body = body  # where a function's { is; -1: it is no function
        self.name = None  # of a function or variable
        self.names = ()
        self.words = None
        self.plain = None

    def is_static(self):
        return bool(re.search(r"\bstatic\b", self.head()))

    def is_variable(self):
        """Is it the definition of one?"""
        head = self.head()
        return (self.body < 0 and not re.match(r"\s*(?:extern|typedef)\b", head)
                and not re.search(rf"\b{self.name}\s*\(", head))

    def head(self):
        """What comes before a function's body or a variable's value."""
        plain = without_text(self.text)
        return plain[:self.body] if self.body >= 0 else plain.split("=", 1)[0]

    def find_names(self):
        known = _names.get(self.text)
        if known:
            self.name, self.names = known
            return
        self._find_names()
        _names[self.text] = self.name, self.names

    def _find_names(self):
        plain = without_text(self.text)
        names = set(_TAG.findall(plain if self.body < 0 else plain[:self.body]))
        if self.body < 0:
            for found in _ENUM.finditer(plain):
                inside = plain[found.end():closing(plain, found.end() - 1)]
                names.update(_WORD.findall(inside))
        head = plain[:self.body] if self.body >= 0 else plain
        if re.match(r"\s*(?:__extension__\s+)?typedef\b", head):
            names.update(_WORD.findall(_outside_braces(head)))
        else:
            self.name = _declared(_outside_braces(head))
            if self.name:
                names.add(self.name)
        self.names = frozenset(names - _KEYWORDS)

    def mentions(self):
        """The identifiers in it that are no members."""
        if self.words is None:
            plain = _MEMBERS.sub(" ", without_text(self.text))
            if self.body >= 0:
                head = plain[:self.body]
                plain = _DECLARED.sub(r"\1", head) + plain[self.body:]
            elif "=" not in plain:
                plain = _DECLARED.sub(r"\1", _POINTERS.sub("(*", plain))
            self.words = set(_WORD.findall(plain)) - _KEYWORDS
        return self.words


def _outside_braces(text):
    if "{" not in text:
        return text
    pieces, at = [], 0
    while True:
        start = text.find("{", at)
        if start < 0:
            pieces.append(text[at:])
            return "".join(pieces)
        pieces.append(text[at:start])
        at = closing(text, start) + 1


def _declared(text):
    """The name of the function or variable that @text declares."""
    at = 0
    last = None
    for found in _HEAD.finditer(text):
        if found.start() < at:
            continue
        token = found[0]
        if token in "[=;,":
            return last
        if token == "(":
            pointer = _POINTER.match(text, found.start())
            if pointer:
                # "type (*name)(...)"; a parameter list does not begin with an asterisk
                return pointer[1]
            return last
        if token in _NOT_NAMES:
            start = _OPENS.match(text, found.end())
            if start:
                at = closing(text, start.end() - 1) + 1
            continue
        if token not in _KEYWORDS:
            last = token
    return last


def split(source):
    """The items of a preprocessed file."""
    items = []
    depth = start = 0
    body = -1  # of the function that the item at @start is
    line, file, marked = 1, '"?"', 0

    def finish(end):
        nonlocal start, body, line, file, marked
        # Which line it begins on: by the last marker before its first word.
        first = start
        while True:
            blank = _BLANK.match(source, first)
            first = blank.end()
            if source.startswith("#", first):
                marker = _MARKER.match(source, first)
                stop = source.find("\n", first)
                if marker:
                    line, file, marked = int(marker[1]), marker[2], stop + 1
                first = stop + 1
                continue
            break
        here = line + source.count("\n", marked, first) if first >= marked else line
        text = source[first:end]
        if text.strip(" ;\n"):
            items.append(Item(text, here, file, body - first if body >= 0 else -1))
        # What the text itself has of markers counts for the next.
        inside = None
        for inside in _MARKER.finditer(text):
            pass
        if inside:
            line, file = int(inside[1]), inside[2]
            marked = first + inside.end() + 1
        start, body = end, -1

    for found in _STRUCTURE.finditer(source):
        token = found[0]
        if token in ("{", "("):
            if token == "{" and not depth and body < 0 and _is_function(source, start, found.start()):
                body = found.start()
            depth += 1
        elif token in ("}", ")"):
            depth -= 1
            if token == "}" and not depth and body >= 0:
                finish(found.end())
        elif token == ";" and not depth:
            finish(found.end())
    for item in items:
        item.find_names()
    return items


def function_body(text):
    """Where the body of the function definition @text begins."""
    for found in _STRUCTURE.finditer(text):
        if found[0] == "{" and _is_function(text, 0, found.start()):
            return found.start()
    raise ValueError(f"no function: {text[:80]!r}")


def _is_function(source, start, brace):
    before = source[start:brace].rstrip()
    while before.rsplit("\n", 1)[-1].lstrip().startswith("#"):
        before = before.rsplit("\n", 1)[0].rstrip() if "\n" in before else ""
    if not before.endswith(")"):
        return False
    plain = without_text(before)
    return "=" not in plain and "typedef" not in plain and bool(re.search(r"\w\s*\(", re.sub(
        r"__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)", "", plain)))


class File:
    """A preprocessed file, and what of it is needed."""

    def __init__(self, source, rewrite=lambda item: None):
        self.rewrite = rewrite  # called once for each item that is needed
        self.items = split(source)
        self.by_name = {}
        for item in self.items:
            for name in item.names:
                self.by_name.setdefault(name, []).append(item)
        self.needed = set()
        self.words = set()

    def exported(self, name):
        """Does it define a function or variable of that name for others?"""
        return any(item.name == name and (item.body >= 0 or item.is_variable()) and not item.is_static()
                   for item in self.by_name.get(name, ()))

    def need(self, names):
        """Takes @names and all that they need; the names that were not needed before."""
        fresh = set()
        queue = [name for name in names if name not in self.words]
        while queue:
            name = queue.pop()
            if name in self.words:
                continue
            self.words.add(name)
            fresh.add(name)
            for item in self.by_name.get(name, ()):
                if item not in self.needed:
                    self.needed.add(item)
                    self.rewrite(item)
                    queue.extend(word for word in item.mentions() if word not in self.words)
        return fresh

    def text(self):
        """What is needed, in order, with line markers."""
        return "\n".join(f"# {item.line} {item.file}\n{item.text}" for item in self.items if item in self.needed) + "\n"


def close_over(files, roots):
    """Marks what is needed for the functions and variables @roots, from whichever file has them."""
    pending = set(roots)
    while pending:
        fresh = set()
        for file in files:
            fresh |= file.need({name for name in pending if file.exported(name)})
        pending = fresh
