// What oauth4webapi and openid-client offer to a client with a private key: signed assertions and DPoP, against a running server. Prints one JSON object.
// Usage: ISSUER=… CLIENT_ID=… PRIVATE_KEY=file.pem KID=… node enhanced.mjs
import { readFileSync } from 'node:fs'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const { ISSUER, CLIENT_ID, PRIVATE_KEY, KID } = process.env
const issuer = new URL(ISSUER)
const pem = readFileSync(PRIVATE_KEY, 'utf8').replace(/-----[^-]+-----|\s/g, '')
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' }
const key = await crypto.subtle.importKey('pkcs8', Buffer.from(pem, 'base64'), ecdsa, false, ['sign'])
const resource = new URL(`${ISSUER}/api/v1/whoami`)

async function withOauth4webapi() {
  const client = { client_id: CLIENT_ID }
  const authentication = oauth.PrivateKeyJwt({ key, kid: KID })
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }))
  const grant = async (options) =>
    oauth.processClientCredentialsResponse(server, client, await oauth.clientCredentialsGrantRequest(server, client, authentication, { scope: 'read' }, options))
  const bearer = await grant()
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  let bound
  try {
    bound = await grant({ DPoP })
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    bound = await grant({ DPoP })
  }
  const whoami = await (await oauth.protectedResourceRequest(bound.access_token, 'GET', resource, new Headers(), null, { DPoP })).json()
  const stolen = await fetch(resource, { headers: { authorization: `Bearer ${bound.access_token}` } })
  const introspection = await oauth.processIntrospectionResponse(
    server,
    client,
    await oauth.introspectionRequest(server, client, authentication, bound.access_token),
  )
  return { bearer: bearer.token_type, bound: bound.token_type, whoami, stolen: stolen.status, introspection }
}

async function withOpenidClient() {
  const configuration = await openid.discovery(issuer, CLIENT_ID, undefined, openid.PrivateKeyJwt({ key, kid: KID }))
  const bearer = await openid.clientCredentialsGrant(configuration, { scope: 'read' })
  const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair('ES256'))
  const bound = await openid.clientCredentialsGrant(configuration, { scope: 'read' }, { DPoP })
  const whoami = await (await openid.fetchProtectedResource(configuration, bound.access_token, resource, 'GET', null, new Headers(), { DPoP })).json()
  await openid.tokenRevocation(configuration, bound.access_token)
  const introspection = await openid.tokenIntrospection(configuration, bound.access_token)
  return { bearer: bearer.token_type, bound: bound.token_type, whoami, introspection }
}

console.log(JSON.stringify({ oauth4webapi: await withOauth4webapi(), openid: await withOpenidClient() }))
