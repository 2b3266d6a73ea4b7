"""For Python, with requests, and PyJWT where something is signed."""

from dashboard.frame.snippets.token_request import ASSERTION, ASSERTION_TYPE, POST, PRIVATE_KEY, SECRET, TLS_CERTIFICATE, TLS_KEY, TokenRequest, quote


def write(request: TokenRequest) -> str:
    return "\n".join([*_imports(request), "", *_signing(request), *_call(request)])


def _imports(request: TokenRequest) -> list[str]:
    modules = [
        *(["os"] if request.has_secret else []),
        *(["time", "uuid"] if request.signs else []),
    ]
    libraries = ["jwt", "requests"] if request.signs else ["requests"]
    install = 'pip install requests "pyjwt[crypto]"' if request.signs else "pip install requests"
    return [*([f"import {', '.join(modules)}"] if modules else []), f"import {', '.join(libraries)}  # {install}"]


def _signing(request: TokenRequest) -> list[str]:
    lines = [f"url = {quote(request.url)}"] if request.needs_dpop else []
    if request.kind == ASSERTION:
        header = f", headers={{{quote('kid')}: {quote(request.kid)}}}" if request.kid else ""
        lines += [
            "now = int(time.time())",
            "assertion = jwt.encode(",
            f"    {{{quote('iss')}: {quote(request.client_id)}, {quote('sub')}: {quote(request.client_id)}, {quote('aud')}: {quote(request.issuer)},",
            '     "exp": now + 60, "jti": str(uuid.uuid4())},',
            f"    open({quote(PRIVATE_KEY)}).read(), algorithm={quote(request.algorithm)}{header},",
            ")",
        ]
    if request.needs_dpop:
        lines += [
            "",
            "from cryptography.hazmat.primitives.asymmetric import ec",
            "from jwt.algorithms import ECAlgorithm",
            "",
            "key = ec.generate_private_key(ec.SECP256R1())  # keep it as long as the token",
            'jwk = {k: v for k, v in ECAlgorithm.to_jwk(key.public_key(), as_dict=True).items() if k != "key_ops"}',
            "proof = jwt.encode(",
            '    {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": str(uuid.uuid4())},',
            '    key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": jwk},',
            ")",
        ]
    return [*lines, ""] if lines else []


def _call(request: TokenRequest) -> list[str]:
    identifier, secret = 'os.environ["TOKENOS_CLIENT_ID"]', 'os.environ["TOKENOS_CLIENT_SECRET"]'
    form = ['"grant_type": "client_credentials"']
    if request.scope:
        form.append(f'"scope": {quote(request.scope)}')
    if request.kind == POST:
        form += [f'"client_id": {identifier}', f'"client_secret": {secret}']
    elif request.kind != SECRET:
        form.append(f'"client_id": {quote(request.client_id)}')
    if request.kind == ASSERTION:
        form += [f'"client_assertion_type": {quote(ASSERTION_TYPE)}', '"client_assertion": assertion']
    options = [
        *([f"verify={quote(request.ca)}"] if request.ca else []),
        *([f"cert=({quote(TLS_CERTIFICATE)}, {quote(TLS_KEY)})"] if request.uses_certificate else []),
        *(['headers={"DPoP": proof}'] if request.needs_dpop else []),
        "timeout=10",
    ]
    data = f"    data={{{', '.join(form)}}}," if len(form) <= 2 else "    data={\n" + "".join(f"        {entry},\n" for entry in form) + "    },"
    return [
        "r = requests.post(",
        "    url," if request.needs_dpop else f"    {quote(request.url)},",
        *([f"    auth=({identifier}, {secret}),"] if request.kind == SECRET else []),
        data,
        f"    {', '.join(options)},",
        ")",
        "r.raise_for_status()",
        "answer = r.json()",
        'token = answer["access_token"]',
        f"""print(f"{{answer['token_type']}} token for {{answer['expires_in']}} s{", scope {answer['scope']}" if request.scope else ""}")""",
    ]
