"""For Node 20 or later, without libraries."""

from dashboard.frame.snippets.token_request import ASSERTION, ASSERTION_TYPE, POST, PRIVATE_KEY, SECRET, TLS_CERTIFICATE, TLS_KEY, TokenRequest, quote, word

_SIGN = 'const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");'


def write(request: TokenRequest) -> str:
    ca = [f"// NODE_EXTRA_CA_CERTS={word(request.ca)} node token.mjs"] if request.ca else ["// node token.mjs"]
    return "\n".join([*ca, *_imports(request), *_values(request), "", *_signing(request), *_call(request)])


def _imports(request: TokenRequest) -> list[str]:
    return [
        *([f'import {{ {", ".join(_crypto(request))} }} from "node:crypto";'] if request.signs else []),
        *(['import { readFileSync } from "node:fs";'] if request.kind == ASSERTION or request.uses_certificate else []),
        *(['import { request } from "node:https";'] if request.uses_certificate else []),
    ]


def _crypto(request: TokenRequest) -> list[str]:
    return [*(["generateKeyPairSync"] if request.needs_dpop else []), "randomUUID", "sign"]


def _values(request: TokenRequest) -> list[str]:
    if not request.has_secret:
        return []
    lines = ["const { TOKENOS_CLIENT_ID: id, TOKENOS_CLIENT_SECRET: secret } = process.env;"]
    return [*lines, 'const basic = btoa(encodeURIComponent(id) + ":" + encodeURIComponent(secret));'] if request.kind == SECRET else lines


def _signing(request: TokenRequest) -> list[str]:
    if not request.signs:
        return []
    lines = [
        _SIGN,
        "const jwt = (header, claims, key, hash) => {",
        '  const text = encode(header) + "." + encode({ ...claims, jti: randomUUID() });',
        '  return text + "." + sign(hash, Buffer.from(text), key).toString("base64url");',
        "};",
        "const now = Math.floor(Date.now() / 1000);",
    ]
    if request.kind == ASSERTION:
        kid = f", kid: {quote(request.kid)}" if request.kid else ""
        identity = quote(request.client_id)
        lines += [
            f"const key = {{ key: readFileSync({quote(PRIVATE_KEY)}){_key_options(request.algorithm)} }};",
            f"const assertion = jwt({{ alg: {quote(request.algorithm)}{kid} }},",
            f"  {{ iss: {identity}, sub: {identity}, aud: {quote(request.issuer)}, exp: now + 60 }}, key, {_hash(request.algorithm)});",
        ]
    if request.needs_dpop:
        lines += [
            '// Keep the pair as long as the token.\nconst pair = generateKeyPairSync("ec", { namedCurve: "P-256" });',
            'const proof = jwt({ typ: "dpop+jwt", alg: "ES256", jwk: pair.publicKey.export({ format: "jwk" }) },',
            f'  {{ htm: "POST", htu: {quote(request.url)}, iat: now }}, {{ key: pair.privateKey, dsaEncoding: "ieee-p1363" }}, "sha256");',
        ]
    return [*lines, ""]


def _hash(algorithm: str) -> str:
    return "null" if algorithm == "EdDSA" else quote(f"sha{algorithm[2:]}")


def _key_options(algorithm: str) -> str:
    """Of node:crypto: RFC 7518 §3.4 wants both numbers of a signature one after the other, §3.5 a salt as long as the hash."""
    if algorithm.startswith("ES"):
        return ', dsaEncoding: "ieee-p1363"'
    return ", padding: 6, saltLength: -1" if algorithm.startswith("PS") else ""


def _call(request: TokenRequest) -> list[str]:
    headers = [
        *(['Authorization: "Basic " + basic'] if request.kind == SECRET else []),
        *(["DPoP: proof"] if request.needs_dpop else []),
        *(['"Content-Type": "application/x-www-form-urlencoded"'] if request.uses_certificate else []),
    ]
    form = ['grant_type: "client_credentials"']
    if request.scope:
        form.append(f"scope: {quote(request.scope)}")
    if request.kind == POST:
        form += ["client_id: id", "client_secret: secret"]
    elif request.kind != SECRET:
        form.append(f"client_id: {quote(request.client_id)}")
    if request.kind == ASSERTION:
        form += [f"client_assertion_type: {quote(ASSERTION_TYPE)}", "client_assertion: assertion"]
    body = f"new URLSearchParams({{ {', '.join(form)} }})" if len(form) <= 2 else "new URLSearchParams({\n    " + ",\n    ".join(form) + ",\n  })"
    return _over_tls(request, headers, body) if request.uses_certificate else _by_fetch(request, headers, body)


def _by_fetch(request: TokenRequest, headers: list[str], body: str) -> list[str]:
    return [
        f"const r = await fetch({quote(request.url)}, {{",
        '  method: "POST",',
        *([f"  headers: {{ {', '.join(headers)} }},"] if headers else []),
        f"  body: {body},",
        "});",
        "if (!r.ok) throw new Error(`token request failed: ${r.status}`);",
        f"const {_read(request)} = await r.json();",
        _say(request),
    ]


def _over_tls(request: TokenRequest, headers: list[str], body: str) -> list[str]:
    """fetch has no client certificates."""
    sent = ", ".join([*headers, '"Content-Length": body.length'])
    return [
        f"const body = {body}.toString();",
        "const answer = await new Promise((resolve, reject) => {",
        f"  request({quote(request.url)}, {{",
        '    method: "POST",',
        f"    cert: readFileSync({quote(TLS_CERTIFICATE)}), key: readFileSync({quote(TLS_KEY)}),",
        f"    headers: {{ {sent} }},",
        '  }, resolve).on("error", reject).end(body);',
        "});",
        "if (answer.statusCode !== 200) throw new Error(`token request failed: ${answer.statusCode}`);",
        f'const {_read(request)} = JSON.parse((await answer.toArray()).join(""));',
        _say(request),
    ]


def _read(request: TokenRequest) -> str:
    return f"{{ access_token, token_type, expires_in{', scope' if request.scope else ''} }}"


def _say(request: TokenRequest) -> str:
    return f"console.log(`${{token_type}} token for ${{expires_in}} s{', scope ${scope}' if request.scope else ''}`);"
