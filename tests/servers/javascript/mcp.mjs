// The official MCP client library with client credentials, against a running MCP server. Prints one JSON object.
// Usage: ISSUER=… MCP_SERVER=… CLIENT_ID=… (CLIENT_SECRET=… | PRIVATE_KEY=file) node mcp.mjs
import { readFileSync } from 'node:fs'
import { Client, ClientCredentialsProvider, PrivateKeyJwtProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const { ISSUER, MCP_SERVER, CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY } = process.env
const authProvider = PRIVATE_KEY
  ? new PrivateKeyJwtProvider({ clientId: CLIENT_ID, privateKey: readFileSync(PRIVATE_KEY, 'utf8'), algorithm: 'ES256', expectedIssuer: ISSUER })
  : new ClientCredentialsProvider({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, expectedIssuer: ISSUER })

const client = new Client({ name: 'test', version: '1' })
await client.connect(new StreamableHTTPClientTransport(new URL(MCP_SERVER), { authProvider }))
const sum = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })
await client.close()

console.log(JSON.stringify({ sum: sum.content[0].text, token: authProvider.tokens() }))
