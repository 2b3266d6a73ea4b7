"""Texts that do harm if they aren't quoted for their place: each tries to create the file canary."""

from random import Random

_COMMANDS = [
    "$(touch canary)",
    "`touch canary`",
    "';touch canary;'",
    '";touch canary;"',
    "\\';touch canary;'",
    '\\";touch canary;#',
    "&&touch canary",
    "|touch canary",
    ">canary",
    "x\ntouch canary\n",
    "!touch",
    "!!",
    "{touch,canary}",
    "=touch",
    "~",
    "*",
    "?",
    "-ocanary",
    "--output=canary",
    "@/etc/passwd",
    "%0atouch%20canary",
    "%REQ(authorization)%",
    '{{env "HOME"}}',
    "{$HOME}",
    "${HOME}",
    "#",
    ": x",
    "- x",
    "&anchor",
    '"+require("fs").writeFileSync("canary","")+"',
    "${require('fs').writeFileSync('canary','')}",
    "\"+__import__('os').system('touch canary')+\"",
    "{__import__('os').system('touch canary')}",
    "'''",
    '"""',
    "\\",
    "\\\\",
    "'",
    '"',
    "\\n\\u0041\\x41",
    "*/",
    "; } location / { return 200; }",
    "é\N{CLOCK FACE TWELVE OCLOCK}\u2028",
    "",
]
_ALPHABET = "aA0 $`'\"\\;|&<>(){}[]*?!#~^%:=,@./+-\t"


def hostile_texts() -> list[str]:
    numbers = Random(7)
    return _COMMANDS + ["".join(numbers.choices(_ALPHABET, k=numbers.randint(1, 12))) for _ in range(150)]


def hostile_scopes() -> list[str]:
    """Without white space, which scopes are separated by."""
    return list(dict.fromkeys(scope for text in hostile_texts() if (scope := "${IFS}".join(text.split()))))
