"""For Go: with golang.org/x/oauth2, which renews tokens by itself, where that can do it, else by net/http."""

from dashboard.frame.snippets.token_request import ASSERTION, ASSERTION_TYPE, POST, PRIVATE_KEY, SECRET, TLS_CERTIFICATE, TLS_KEY, TokenRequest, quote, word


def write(request: TokenRequest) -> str:
    ca = [f"// SSL_CERT_FILE={word(request.ca)} go run ."] if request.ca else []
    body = _with_oauth2(request) if not request.signs and not request.uses_certificate else _with_net_http(request)
    return "\n".join([*ca, "package main", "", *body, "}"])


def _imports(*packages: str) -> list[str]:
    standard, others = [p for p in packages if "." not in p], [p for p in packages if "." in p]
    return ["import (", *(f"\t{quote(p)}" for p in sorted(standard)), *(["", *(f"\t{quote(p)}" for p in sorted(others))] if others else []), ")", ""]


def _with_oauth2(request: TokenRequest) -> list[str]:
    scopes = ", ".join(quote(scope) for scope in request.scope.split())
    return [
        *_imports("context", "fmt", "log", "os", "golang.org/x/oauth2", "golang.org/x/oauth2/clientcredentials"),
        "func main() {",
        "\tconf := clientcredentials.Config{",
        '\t\tClientID:     os.Getenv("TOKENOS_CLIENT_ID"),',
        '\t\tClientSecret: os.Getenv("TOKENOS_CLIENT_SECRET"),',
        f"\t\tTokenURL:     {quote(request.url)},",
        *([f"\t\tScopes:       []string{{{scopes}}},"] if scopes else []),
        f"\t\tAuthStyle:    oauth2.{'AuthStyleInParams' if request.kind == POST else 'AuthStyleInHeader'},",
        "\t}",
        "\ttoken, err := conf.Token(context.Background()) // conf.Client renews tokens by itself",
        *_fail(),
        '\tfmt.Println("a token until", token.Expiry)',
    ]


def _fail() -> list[str]:
    return ["\tif err != nil {", "\t\tlog.Fatal(err)", "\t}"]


def _with_net_http(request: TokenRequest) -> list[str]:
    packages = ["fmt", "log", "net/http", "net/url", "strings"]
    packages += ["os"] if request.has_secret or request.kind == ASSERTION else []
    packages += ["crypto/rand", "time", "github.com/golang-jwt/jwt/v5"] if request.signs else []
    packages += ["crypto/ecdsa", "crypto/elliptic", "encoding/base64"] if request.needs_dpop else []
    packages += ["crypto/tls"] if request.uses_certificate else []
    return [*_imports(*packages), "func main() {", *_form(request), *_client(request), *_send(request)]


def _form(request: TokenRequest) -> list[str]:
    lines = _assertion(request) if request.kind == ASSERTION else []
    entries = {"grant_type": quote("client_credentials")}
    if request.scope:
        entries["scope"] = quote(request.scope)
    if request.kind == POST:
        entries |= {"client_id": 'os.Getenv("TOKENOS_CLIENT_ID")', "client_secret": 'os.Getenv("TOKENOS_CLIENT_SECRET")'}
    elif request.kind != SECRET:
        entries["client_id"] = quote(request.client_id)
    if request.kind == ASSERTION:
        entries |= {"client_assertion_type": quote(ASSERTION_TYPE), "client_assertion": "assertion"}
    # As gofmt aligns them.
    width = max(len(quote(name)) for name in entries) + 1
    return [*lines, "\tform := url.Values{", *(f"\t\t{quote(name) + ':':<{width}} {{{value}}}," for name, value in entries.items()), "\t}"]


def _assertion(request: TokenRequest) -> list[str]:
    method = "SigningMethodEdDSA" if request.algorithm == "EdDSA" else f"SigningMethod{request.algorithm}"
    parse = {"E": "ParseECPrivateKeyFromPEM", "R": "ParseRSAPrivateKeyFromPEM", "P": "ParseRSAPrivateKeyFromPEM"}[request.algorithm[0]]
    parse = "ParseEdPrivateKeyFromPEM" if request.algorithm == "EdDSA" else parse
    return [
        f"\tpem, err := os.ReadFile({quote(PRIVATE_KEY)})",
        *_fail(),
        f"\tkey, err := jwt.{parse}(pem)",
        *_fail(),
        f"\tunsigned := jwt.NewWithClaims(jwt.{method}, jwt.MapClaims{{",
        f'\t\t"iss": {quote(request.client_id)}, "sub": {quote(request.client_id)}, "aud": {quote(request.issuer)},',
        '\t\t"exp": time.Now().Add(time.Minute).Unix(), "jti": rand.Text(),',
        "\t})",
        *([f'\tunsigned.Header["kid"] = {quote(request.kid)}'] if request.kid else []),
        "\tassertion, err := unsigned.SignedString(key)",
        *_fail(),
    ]


def _client(request: TokenRequest) -> list[str]:
    if not request.uses_certificate:
        return ["\tclient := http.DefaultClient"]
    return [
        f"\tcertificate, err := tls.LoadX509KeyPair({quote(TLS_CERTIFICATE)}, {quote(TLS_KEY)})",
        *_fail(),
        "\tclient := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}}",
    ]


def _send(request: TokenRequest) -> list[str]:
    return [
        f"\trequest, err := http.NewRequest(http.MethodPost, {quote(request.url)}, strings.NewReader(form.Encode()))",
        *_fail(),
        '\trequest.Header.Set("Content-Type", "application/x-www-form-urlencoded")',
        *(['\trequest.SetBasicAuth(os.Getenv("TOKENOS_CLIENT_ID"), os.Getenv("TOKENOS_CLIENT_SECRET"))'] if request.kind == SECRET else []),
        *(_proof(request) if request.needs_dpop else []),
        "\tanswer, err := client.Do(request)",
        *_fail(),
        "\tdefer answer.Body.Close()",
        "\tfmt.Println(answer.Status) // access_token is in the JSON of the body",
    ]


def _proof(request: TokenRequest) -> list[str]:
    return [
        "\tpair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // keep it as long as the token",
        *_fail(),
        "\tpoint, err := pair.PublicKey.ECDH()",
        *_fail(),
        "\tencode := base64.RawURLEncoding.EncodeToString",
        "\tproof := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{",
        f'\t\t"htm": "POST", "htu": {quote(request.url)}, "iat": time.Now().Unix(), "jti": rand.Text(),',
        "\t})",
        '\tproof.Header["typ"] = "dpop+jwt"',
        '\tproof.Header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256", "x": encode(point.Bytes()[1:33]), "y": encode(point.Bytes()[33:])}',
        "\tsigned, err := proof.SignedString(pair)",
        *_fail(),
        '\trequest.Header.Set("DPoP", signed)',
    ]
