// An OpenID provider, oidc-provider with its own pages for signing in: any name of ACCOUNTS with any password. Prints “ready” once it listens.
// Usage: ISSUER=https://localhost:9443 CERTIFICATE=… KEY=… CLIENT_ID=… CLIENT_SECRET=… REDIRECT_URI=… ACCOUNTS=accounts.json node provider.mjs
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import Provider from 'oidc-provider'

const { ISSUER, CERTIFICATE, KEY, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, ACCOUNTS } = process.env
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const provider = new Provider(ISSUER, {
  clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: [REDIRECT_URI] }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'of-the-test' }] },
  cookies: { keys: ['only for tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
  // Read anew each time, so that a test can move people between groups.
  findAccount: (_context, id) => {
    const claims = JSON.parse(readFileSync(ACCOUNTS, 'utf8'))[id]
    return claims && { accountId: id, claims: () => ({ sub: id, ...claims }) }
  },
})
createServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }, provider.callback()).listen(new URL(ISSUER).port, '127.0.0.1', () => console.log('ready'))
