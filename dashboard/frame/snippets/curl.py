"""For the shell: bash and zsh."""

import json

from dashboard.frame.snippets.token_request import (
    ASSERTION,
    ASSERTION_TYPE,
    POST,
    PRIVATE_KEY,
    SECRET,
    TLS_CERTIFICATE,
    TLS_KEY,
    TokenRequest,
    between_quotes,
    is_plain,
    shell,
    word,
)

# How many hexadecimal digits each of the two numbers of a signature has, RFC 7518 §3.4.
_DIGITS = {"ES256": 64, "ES384": 96, "ES512": 132}

_LONGEST_LINE = 72


def write(request: TokenRequest) -> str:
    if request.needs_dpop:
        return "# This client’s tokens are bound to a key by DPoP,\n# and curl makes no proofs. Take another example."
    first = [" ".join(["curl", *_connection(request), word(request.url)])]
    if len(first[0]) > _LONGEST_LINE:
        first = [" ".join(["curl", *_connection(request)]), word(request.url)]
    command = " \\\n  ".join([*first, *_parameters(request)])
    return "\n".join([*_assertion(request), command]) if request.kind == ASSERTION else command


def _connection(request: TokenRequest) -> list[str]:
    ca = ["--cacert", word(request.ca)] if request.ca else []
    return [*ca, "--cert", TLS_CERTIFICATE, "--key", TLS_KEY] if request.uses_certificate else ca


def _parameters(request: TokenRequest) -> list[str]:
    """The rest of the command, a line each."""
    secret = between_quotes(request.secret) or "$TOKENOS_CLIENT_SECRET"
    lines = ["-d grant_type=client_credentials"]
    if request.kind == SECRET:
        lines.insert(0, f'-u "{between_quotes(request.client_id)}:{secret}"')
    else:
        lines.append(f"-d client_id={word(request.client_id)}")
    if request.kind == POST:
        lines.append(f'-d client_secret="{secret}"')
    if request.scope:
        option = "-d" if is_plain(request.scope) and not set("+=@") & set(request.scope) else "--data-urlencode"
        lines.append(f"{option} scope={shell(request.scope)}")
    if request.kind == ASSERTION:
        lines += [f"-d client_assertion_type={ASSERTION_TYPE}", '-d client_assertion="$head.$body.$signature"']
    return lines


def _assertion(request: TokenRequest) -> list[str]:
    header = json.dumps({"alg": request.algorithm, **({"kid": request.kid} if request.kid else {})})
    claims = json.dumps({"iss": request.client_id, "sub": request.client_id, "aud": request.issuer})
    return [
        "base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }",
        f"head=$(printf %s {_literal(header)} | base64url)",
        f"""body=$(printf '%s,"exp":%s,"jti":"%s"}}' {_literal(claims.removesuffix("}"))} \\""",
        '  "$(($(date +%s) + 60))" "$(openssl rand -hex 16)" | base64url)',
        *_signature(request.algorithm),
    ]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _signature(algorithm: str) -> list[str]:
    if algorithm == "EdDSA":
        return [
            'printf %s "$head.$body" > assertion.txt',
            f"signature=$(openssl pkeyutl -sign -rawin -inkey {PRIVATE_KEY} -in assertion.txt | base64url)",
        ]
    digest = f"-sha{algorithm[2:]}"
    if algorithm in _DIGITS:
        return [
            "# openssl writes both numbers of the signature in ASN.1, a JWT one after the other",
            f'signature=$(printf %s "$head.$body" | openssl dgst {digest} -sign {PRIVATE_KEY} |',
            "  openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p' |",
            f"  while read -r n; do printf '%{_DIGITS[algorithm]}s' \"$n\" | tr ' ' 0; done |",
            "  sed 's/../\\\\x&/g' | { read -r hex; printf \"$hex\"; } | base64url)",
        ]
    pss = " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1" if algorithm.startswith("PS") else ""
    return [f'signature=$(printf %s "$head.$body" | openssl dgst {digest}{pss} -sign {PRIVATE_KEY} | base64url)']
