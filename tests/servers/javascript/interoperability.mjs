// Everything that oauth4webapi offers to a client with a secret, against a running server. Prints one JSON object.
// Usage: ISSUER=… CLIENT_ID=… CLIENT_SECRET=… METHOD=ClientSecretBasic|ClientSecretPost node interoperability.mjs
import * as oauth from 'oauth4webapi'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, METHOD } = process.env
const issuer = new URL(ISSUER)
const client = { client_id: CLIENT_ID }
const authentication = oauth[METHOD](CLIENT_SECRET)

const discovered = {}
for (const algorithm of ['oauth2', 'oidc']) {
  discovered[algorithm] = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm }))
}
const server = discovered.oauth2

const token = await oauth.processClientCredentialsResponse(
  server,
  client,
  await oauth.clientCredentialsGrantRequest(server, client, authentication, { scope: 'read' }),
)

// As a resource server would: signature by the JWKS, typ, iss, aud, exp (RFC 9068 §4).
const request = new Request(`${ISSUER}/api/v1/whoami`, { headers: { authorization: `Bearer ${token.access_token}` } })
const claims = await oauth.validateJwtAccessToken(server, request, `${ISSUER}/w/demo`)

const introspect = async () =>
  oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, authentication, token.access_token))
const before = await introspect()
await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token.access_token))
const after = await introspect()

let refused
try {
  const wrong = oauth[METHOD](CLIENT_SECRET.slice(0, -1))
  await oauth.processClientCredentialsResponse(server, client, await oauth.clientCredentialsGrantRequest(server, client, wrong, {}))
} catch (error) {
  // By Basic it is the challenge that tells oauth4webapi, by body the JSON.
  refused = error instanceof oauth.WWWAuthenticateChallengeError ? { status: error.status, scheme: error.cause[0].scheme } : { status: error.status, error: error.error }
}

console.log(JSON.stringify({ discovered, token, claims, before, after, refused }))
