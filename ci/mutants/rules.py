# SPDX-License-Identifier: BSD-3-Clause
"""Mistakes by rule: where one can be made in a C source, and the source with it. It is read as tokens and
statements; comments, strings and directives stay as they are, and every line keeps its number. Each rule
is a function that takes a body of a function and gives the edits of one mistake after the other."""
import bisect
import collections
import difflib
import hashlib
import re
from pathlib import Path

TOKEN = re.compile(r"""
    (?P<none>\s+|//[^\n]*|/\*.*?\*/|\#(?:\\\n|/\*.*?\*/|[^\n])*)
  | (?P<string>(?:u8|[LuU])?"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|[<>=!+\-*/%&|^]=|&&|\|\||.)""", re.X | re.S)
OPENS, CLOSES = "([{", ")]}"
ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"}
TYPE = re.compile(r"const|static|volatile|struct|union|enum|unsigned|signed|int|char|bool|void|long|short|\w+_t")
NO_EXPRESSION = {"return", "goto", "break", "continue", "sizeof", "if", "while", "for", "switch", "do", "else"}
# what an operand of && and || ends at
ENDS = {"&&", "||", "?", ":", ",", ";", "return", "{", "}"} | ASSIGNS - {"++", "--"}
ORDERS = re.compile(r"memory_order_(acquire|release|acq_rel|seq_cst)|__ATOMIC_(ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)")
LOCKS = re.compile(r"(\w+_)?(un)?lock|\w+_fence")
CUT = {"uint64_t": "uint32_t", "int64_t": "int32_t", "size_t": "uint32_t", "uint32_t": "uint16_t", "int32_t": "int16_t"}
SIZES = re.compile(r"[A-Z][A-Z0-9_]*_(MAX|MIN|BYTES|SIZE|LEN|BITS|ROOM)")
EMPTY = "{}"  # a statement, for which compilers have no warning

Token = collections.namedtuple("Token", "kind text start end")
Statement = collections.namedtuple("Statement", "kind first last")  # of tokens; the last is its semicolon
Edit = collections.namedtuple("Edit", "start end text")


class Source:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.tokens = [Token(found.lastgroup, found[0], *found.span())
                       for found in TOKEN.finditer(text) if found.lastgroup != "none"]
        self.match, opened = {}, []
        for i, token in enumerate(self.tokens):
            if token.kind == "mark" and token.text in OPENS:
                opened.append(i)
            elif token.kind == "mark" and token.text in CLOSES and opened:
                self.match[i] = opened.pop()
                self.match[self.match[i]] = i
        self.lines = [0] + [found.end() for found in re.finditer("\n", text)]

    def line(self, offset):
        return bisect.bisect_right(self.lines, offset)

    def bodies(self):
        """Of its functions."""
        i = begin = 0
        while i < len(self.tokens):
            text = self.tokens[i].text
            if text == "{" and i and self.tokens[i - 1].text == ")":
                yield Body(self, begin, i)
            i = self.match.get(i, i) if text in OPENS else i
            i += 1
            if text in ("{", ";"):
                begin = i

    def mutations(self):
        """All there are, each once."""
        found = {}
        for body in self.bodies():
            for rule in RULES:
                for edits in rule(body):
                    mutation = Mutation(self, body, rule.__name__, edits)
                    if mutation.function != body.text:
                        found.setdefault(mutation.hash, mutation)
        return list(found.values())


class Body:
    """A function, and the statements of each of its blocks."""

    def __init__(self, source, begin, brace):
        self.source, self.tokens, self.match = source, source.tokens, source.match
        self.first, self.last = brace, source.match[brace]
        self.start, self.end = self.tokens[begin].start, self.tokens[self.last].end
        self.text = source.text[self.start:self.end]
        self.blocks = []
        self.block(brace)
        self.statements = [statement for block in self.blocks for statement in block]

    def block(self, i):
        """What stands between braces; the token behind them."""
        into = []
        self.blocks.append(into)
        i += 1
        while self.tokens[i].text != "}":
            i = self.statement(i, into)
        return i + 1

    def alone(self, i):
        """A statement in the place of a block."""
        into = []
        self.blocks.append(into)
        return self.statement(i, into)

    def statement(self, i, into):
        word, first = self.tokens[i].text, i
        if word == "{":
            i = self.block(i)
        elif word in ("if", "while", "for", "switch"):
            i = self.alone(self.match[i + 1] + 1)
            if word == "if" and self.tokens[i].text == "else":
                i = self.alone(i + 1)
        elif word == "do":
            i = self.match[self.alone(i + 1) + 1] + 2
        elif word in ("case", "default") or self.tokens[i + 1].text == ":":
            return self.until(i, ":") + 1
        else:
            i = self.until(i, ";") + 1
            into.append(Statement(self.kind(first, i - 1), first, i - 1))
            return i
        into.append(Statement("compound", first, i - 1))
        return i

    def until(self, i, end):
        while self.tokens[i].text != end:
            i = self.match.get(i, i) + 1
        return i

    def top(self, first, last):
        """Tokens that are in no brackets."""
        i = first
        while i <= last:
            yield i
            i = self.match[i] + 1 if self.tokens[i].text in OPENS else i + 1

    def kind(self, first, last):
        one, two = self.tokens[first], self.tokens[first + 1]
        if one.text in NO_EXPRESSION:
            return "jump"
        if one.kind == "word" and (TYPE.fullmatch(one.text) or two.kind == "word" or
                                   (two.text == "*" and self.tokens[first + 2].kind == "word")):
            return "declaration"
        if self.sets(Statement("", first, last)) is not None:
            return "assignment"
        return "call" if self.called(first, last) else "nothing"

    def sets(self, statement):
        """Where it gives something a value."""
        return next((i for i in self.top(statement.first, statement.last) if self.tokens[i].text in ASSIGNS), None)

    def called(self, first, last):
        """What is called, by name, in order."""
        return [self.tokens[i].text for i in range(first, last)
                if self.tokens[i].kind == "word" and self.tokens[i].text not in NO_EXPRESSION and
                self.tokens[i + 1].text == "("]

    def has(self, *kinds):
        return [statement for statement in self.statements if statement.kind in kinds]

    def marks(self, *texts):
        return [i for i in range(self.first, self.last) if self.tokens[i].text in texts]

    def operand(self, i, step, ends=ENDS):
        """The furthest token of the operand of what stands there, to the left (-1) or to the right (1)."""
        i += step
        while True:
            beyond = self.match.get(i, i) + step
            text = self.tokens[beyond].text
            if text in ends or text in (OPENS if step < 0 else CLOSES):
                return self.match.get(i, i)
            i = beyond

    def cover(self, first, last):
        return self.tokens[first].start, self.tokens[last].end

    def words(self, first, last):
        start, end = self.cover(first, last)
        return self.source.text[start:end]

    def wrap(self, first, last, before, after):
        start, end = self.cover(first, last)
        return [Edit(start, start, before), Edit(end, end, after)]


class Mutation:
    def __init__(self, source, body, rule, edits):
        self.source, self.rule = source, rule
        edits = sorted(edits)
        text = source.text
        gone = sum(text[start:end].count("\n") - new.count("\n") for start, end, new in edits)
        for start, end, new in reversed(edits):
            text = text[:start] + new + "\n" * gone + text[end:]
            gone = 0
        self.text = text
        self.function = text[body.start:body.end + len(text) - len(source.text)]
        self.line = source.line(edits[0].start)
        # however wide the spaces are
        both = [" ".join(function.split()) for function in (body.text, self.function)]
        self.hash = hashlib.sha256("\0".join([source.path, *both]).encode()).hexdigest()[:12]
        self.place = f"{Path(source.path).name}:{self.line}:{rule}"
        self.name = f"{self.place}-{self.hash}"

    def diff(self):
        old, new = (text.splitlines(keepends=True) for text in (self.source.text, self.text))
        return "".join(difflib.unified_diff(old, new, f"a/{self.source.path}", f"b/{self.source.path}"))


# ---- rules ----

def dropped(body):
    """A condition loses a term."""
    for i in body.marks("&&", "||"):
        start, end = body.cover(body.operand(i, -1), i)
        yield [Edit(start, end, "")]
        start, end = body.cover(i, body.operand(i, 1))
        yield [Edit(start, end, "")]


def negated(body):
    """A condition is its opposite."""
    for i in body.marks("if", "while"):
        yield body.wrap(i + 2, body.match[i + 1] - 1, "!(", ")")
    for i in body.marks("?"):
        yield body.wrap(body.operand(i, -1, ENDS - {"&&", "||"}), i - 1, "!(", ")")


def bound(body):
    """A comparison takes one more, or one less."""
    moved = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
    for i in body.marks(*moved):
        yield [Edit(*body.cover(i, i), moved[body.tokens[i].text])]


def is_order(body, statement):
    return any(map(LOCKS.fullmatch, body.called(statement.first, statement.last)))


def left_out(body):
    """An assignment or a call is forgotten; not an assert, which says what cannot be."""
    for statement in body.has("assignment", "call"):
        if not is_order(body, statement) and body.tokens[statement.first].text != "assert":
            yield [Edit(*body.cover(statement.first, statement.last), EMPTY)]


def width(body):
    """A value is cut to 32 or 16 bits."""
    for i in body.marks(*CUT):
        cast = [body.tokens[k].text for k in (i - 1, i + 1)] == ["(", ")"]
        if cast and body.tokens[i - 2].text != "sizeof":
            yield [Edit(*body.cover(i, i), CUT[body.tokens[i].text])]
    for statement in body.has("declaration"):
        sets, words = body.sets(statement), [body.tokens[i].text for i in body.top(statement.first, statement.last)]
        narrow = next(filter(None, map(CUT.get, words[:2])), None)
        alone = words.count("=") == 1 and not {",", "{"} & set(words)
        if narrow and alone and body.tokens[sets - 2].text != "*":
            yield body.wrap(sets + 1, statement.last - 1, f"({narrow})(", ")")


def independent(body, one, two):
    """Whether it does not matter which of two assignments comes first."""
    def target(statement):
        return body.words(statement.first, max(body.sets(statement) - 1, statement.first))

    if {one.kind, two.kind} != {"assignment"} or any(body.called(s.first, s.last) for s in (one, two)):
        return False
    return target(one) not in body.words(two.first, two.last) and target(two) not in body.words(one.first, one.last)


def swapped(body):
    """Two statements stand in the wrong order."""
    for block in body.blocks:
        for one, two in zip(block, block[1:]):
            if {one.kind, two.kind} <= {"assignment", "call"} and not independent(body, one, two):
                yield [Edit(*body.cover(one.first, one.last), body.words(two.first, two.last)),
                       Edit(*body.cover(two.first, two.last), body.words(one.first, one.last))]


def order(body):
    """A lock is not taken or not given back; an atomic access or a fence orders nothing."""
    for statement in body.has("call"):
        if is_order(body, statement):
            yield [Edit(*body.cover(statement.first, statement.last), EMPTY)]
    for i in range(body.first, body.last):
        start, end = body.cover(i, i)
        text = body.tokens[i].text
        if ORDERS.fullmatch(text):
            yield [Edit(start, end, "memory_order_relaxed" if text.islower() else "__ATOMIC_RELAXED")]
        elif text in ("atomic_load", "atomic_store"):
            close = body.tokens[body.match[i + 1]].start
            yield [Edit(start, end, f"{text}_explicit"), Edit(close, close, ", memory_order_relaxed")]


def constant(body):
    """A number, or a name that is one of a size, is off by one."""
    sizes = {i for s in body.has("declaration") for i in range(s.first, body.sets(s) or s.last)}
    for i in range(body.first, body.last):
        token = body.tokens[i]
        number = re.fullmatch(r"(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)", token.text)
        zeroed = [body.tokens[k].text for k in (i - 1, i + 1)] == ["{", "}"]
        if i in sizes or zeroed:
            continue
        if number:
            value = int(number[1], 16 if number[1][:2].lower() == "0x" else 10)
            for other in [value + 1] + [value - 1] * (value > 0):
                yield [Edit(token.start, token.end, f"{other}{number[2]}")]
        elif SIZES.fullmatch(token.text) and body.tokens[i - 1].text != "case":
            for other in "+-":
                yield [Edit(token.start, token.end, f"({token.text} {other} 1)")]


RULES = [dropped, negated, bound, left_out, width, swapped, order, constant]
