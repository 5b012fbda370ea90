"""operators.py - single small changes of C source: what a mutant is.

mutants(path) yields Mutant(key, operator, line, column, before, after, text): `text` is the whole changed file. Only code
inside functions is changed, never comments, texts, preprocessor lines, static tables. A key names file, operator and the words around the
place, so it stays the same while other lines move.
"""
import collections
import hashlib
import re

Mutant = collections.namedtuple("Mutant", "key file function operator line before after text")

TOKEN = re.compile(r"""
    (?P<skip>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|\d[\w.]*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.\.|.)
""", re.X | re.S)
Token = collections.namedtuple("Token", "kind text at")

SWAPS = {"<": ["<=", ">"], "<=": ["<", ">="], ">": [">=", "<"], ">=": [">", "<="], "==": ["!="], "!=": ["=="], "&&": ["||"],
         "||": ["&&"], "+": ["-"], "-": ["+"], "+=": ["-="], "-=": ["+="], "|=": ["="], "%": ["/"], "/": ["*"], "<<": [">>"],
         ">>": ["<<"], "++": ["--"], "--": ["++"]}
NOT_CODE = {"if", "for", "while", "switch", "return", "sizeof", "else", "do", "case", "goto"}


def tokens(source):
    line_start = True
    at = 0
    while at < len(source):
        if line_start and re.match(r"[ \t]*#", source[at:at + 200]):  # a preprocessor line, with those it goes on in
            end = re.compile(r"(?:[^\\\n]|\\.)*", re.S).match(source, at).end()
            at = end
            continue
        m = TOKEN.match(source, at)
        if m.lastgroup != "skip":
            yield Token(m.lastgroup, m.group(), at)
        line_start = "\n" in m.group() if m.lastgroup == "skip" else False
        at = m.end()


def functions(source):
    """(name, tokens of the body) of each function: a brace at depth 0 after a closing parenthesis."""
    held, depth, name, start = list(tokens(source)), 0, None, 0
    for i, t in enumerate(held):
        if t.text == "{":
            if depth == 0 and i and held[i - 1].text == ")":
                level = 0
                for j in range(i - 1, -1, -1):
                    level += {")": 1, "(": -1}.get(held[j].text, 0)
                    if level == 0:
                        break
                name, start = held[j - 1].text, i + 1
            depth += 1
        elif t.text == "}":
            depth -= 1
            if depth == 0 and name:
                yield name, held[start:i]
                name = None


def closing(body, i):
    """Index of the parenthesis that closes the one at i."""
    level = 0
    for j in range(i, len(body)):
        level += {"(": 1, ")": -1}.get(body[j].text, 0)
        if level == 0:
            return j
    return None


def changes(source, body):
    """(operator, from, to, text that takes the place) for each possible change in a function's body."""
    for i, t in enumerate(body):
        before = body[i - 1] if i else Token("sign", "{", 0)
        after = body[i + 1] if i + 1 < len(body) else Token("sign", "}", 0)
        end = t.at + len(t.text)
        is_binary = before.kind in ("word", "number", "text") and before.text not in NOT_CODE or before.text in (")", "]")
        if t.kind == "sign" and t.text in SWAPS:
            if t.text in ("+", "-", "<<", ">>") and not is_binary:
                continue
            if t.text == "<" and after.text == "0" and before.text == ")":  # an error is not noticed
                yield "unchecked", t.at, after.at + 1, "< -1"
                continue
            for other in SWAPS[t.text]:
                yield "operator", t.at, end, other
        elif t.text == "!" and after.text != "=":
            yield "negation", t.at, end, ""
        elif t.text in ("if", "while") and after.text == "(":
            last = closing(body, i + 1)
            yield "condition", after.at + 1, body[last].at, "!(" + source[after.at + 1:body[last].at] + ")"
            if t.text == "if":
                yield "never", after.at + 1, body[last].at, "false && (" + source[after.at + 1:body[last].at] + ")"
        elif t.kind == "number" and re.fullmatch(r"\d+[uU]?|0x[0-9a-fA-F]+", t.text) and not (t.text == "0" and before.text == "<"):
            if before.text != "[" or after.text != "]" or t.text != "0":
                yield "constant", t.at, end, f"({t.text} + 1)"
        elif t.text in ("true", "false"):
            yield "bool", t.at, end, "false" if t.text == "true" else "true"
        elif t.text == "return":
            if after.text == "-" and body[i + 2].text == "1" and body[i + 3].text == ";":
                yield "success", after.at, body[i + 2].at + 1, "0"
            elif after.text in ("su_fail", "su_fail_sys", "su_remedy", "su_prefix", "su_after"):
                yield "success", after.at, after.at, "0 * "
        elif t.text in ("break", "continue") and after.text == ";":
            yield "jump", t.at, end, "continue" if t.text == "break" else "break"
        # A statement that begins here: a call or an assignment.
        if before.text in (";", "{", "}", ")", "else", ":") and t.kind == "word" and t.text not in NOT_CODE | {"SU_AUTO", "break", "continue", "struct", "const"}:
            if before.text == ")" and source[before.at:t.at].count("\n") == 0:
                continue
            stop = next((j for j in range(i, len(body)) if body[j].text == ";"), None)
            words = [b.text for b in body[i:stop]]
            level = [w for w in words if w in ("(", ")")]
            if stop is None or level.count("(") != level.count(")") or "{" in words:
                continue
            is_call = after.text == "(" and closing(body, i + 1) == stop - 1
            is_set = any(w in ("=", "+=", "|=", "-=") for w in words) and body[i + 1].text in ("=", "+=", "|=", "-=", "->", ".", "[")
            if is_call or is_set:
                yield "dropped", t.at, body[stop].at, "(void)0"
        # Two plain arguments the wrong way round.
        if t.kind == "word" and t.text not in NOT_CODE and after.text == "(" and i + 5 < len(body):
            first, comma, second, last = body[i + 2:i + 6]
            if first.kind == second.kind == "word" and comma.text == "," and last.text in (",", ")") and first.text != second.text:
                yield "swapped", first.at, second.at + len(second.text), f"{second.text}, {first.text}"


def mutants(path, name):
    source = open(path).read()
    lines = source.split("\n")
    seen = collections.Counter()
    for function, body in functions(source):
        for operator, start, end, new in changes(source, body):
            number = source.count("\n", 0, start) + 1
            place = start - (source.rfind("\n", 0, start) + 1)
            words = f"{name} {function} {operator} {lines[number - 1].strip()} {place - len(lines[number - 1]) + len(lines[number - 1].lstrip())} {new}"
            seen[words] += 1
            key = hashlib.sha256(f"{words} {seen[words]}".encode()).hexdigest()[:12]
            yield Mutant(key, name, function, operator, number, source[start:end], new, source[:start] + new + source[end:])
